import { useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { EventsPage } from "../features/events/EventsPage.tsx";

export default function Route(): ReactNode {
  return <EventsPage search={useSearch({ from: "/app/events" })} />;
}
