// Registering a function: from Git, from files written here, from an archive or a folder, or from an image.

import { Modal } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { From } from "./from.ts";
import { RegisterForm } from "./RegisterForm.tsx";

export function Register({ from, change }: { from: From | undefined; change: (from: From | undefined) => void }) {
  const narrow = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  return (
    <Modal
      opened={from !== undefined}
      onClose={() => change(undefined)}
      title="Register a function"
      size={from === "write" ? "xl" : "lg"}
      fullScreen={narrow}
    >
      {from && <RegisterForm from={from} change={change} />}
    </Modal>
  );
}
