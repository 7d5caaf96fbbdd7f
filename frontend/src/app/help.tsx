// The list of keyboard shortcuts, opened with `?`.

import { Kbd, Modal, Table } from "@mantine/core";
import { KEYS } from "./keys.ts";

const MOD = /mac|iphone|ipad/i.test(navigator.userAgent) ? "⌘" : "Ctrl";

export default function Help({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal opened={opened} onClose={close} title="Keyboard shortcuts">
      <Table verticalSpacing={6}>
        <Table.Tbody>
          <Line keys={`${MOD} K`} says="Go to or do anything" />
          {KEYS.map(({ keys, says }) => (
            <Line key={keys} keys={keys} says={says} />
          ))}
          <Line keys={`${MOD} Enter`} says="Invoke, where a payload is written" />
          <Line keys="Esc" says="Close what is open" />
        </Table.Tbody>
      </Table>
    </Modal>
  );
}

function Line({ keys, says }: { keys: string; says: string }) {
  return (
    <Table.Tr>
      <Table.Td w={110} style={{ whiteSpace: "nowrap" }}>
        {keys.split(" ").map((key, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the keys of one line never change
          <span key={index}>
            {index > 0 && " "}
            <Kbd size="xs">{key}</Kbd>
          </span>
        ))}
      </Table.Td>
      <Table.Td>{says}</Table.Td>
    </Table.Tr>
  );
}
