// The user interface. All of its data come from the GraphQL API of the server that served it.

import "./app/styles.ts";
import "@mantine/notifications/styles.css";
import "./app/app.css";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Providers } from "./app/providers.tsx";
import { router } from "./app/router.tsx";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no element #app");

createRoot(root).render(
  <StrictMode>
    <Providers>
      <RouterProvider router={router} />
    </Providers>
  </StrictMode>,
);
