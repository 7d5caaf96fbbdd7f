import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useRestart } from "../features/auth/restart.ts";
import { SignIn } from "../features/auth/SignIn.tsx";
import { localPath } from "../lib/search.ts";

export default function Route(): ReactNode {
  const { next } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const restart = useRestart();
  return (
    <SignIn
      done={() => {
        restart();
        void navigate({ href: localPath(next), replace: true });
      }}
    />
  );
}
