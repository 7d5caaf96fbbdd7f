import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { EventPage } from "../features/events/EventPage.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/events/$id" });
  return <EventPage key={id} id={id} />;
}
