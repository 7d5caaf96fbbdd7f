import type { ReactNode } from "react";
import { SystemPage } from "../features/system/SystemPage.tsx";

export default function Route(): ReactNode {
  return <SystemPage />;
}
