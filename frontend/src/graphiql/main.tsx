// The GraphiQL page. Bundled completely: it makes no requests to other hosts.

import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { type ComponentProps, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { acceptsDevToken } from "./devToken.ts";
import changeQuery from "./examples/change.graphql?raw";
import lookQuery from "./examples/look.graphql?raw";
import watchQuery from "./examples/watch.graphql?raw";
import { fetcher } from "./fetcher.ts";
import "./graphiql.css";
import { defaultHeaders, first } from "./headers.ts";

const root = document.getElementById("graphiql");
if (!root) throw new Error("the page has no element #graphiql");

const headers = defaultHeaders(await acceptsDevToken());
// GraphiQL's type requires every variant of an Observable's `subscribe`; it uses the one implemented here.
const reach = fetcher(first(headers)) as ComponentProps<typeof GraphiQL>["fetcher"];
const ids = JSON.stringify({ id: "the id of a function", build: "the id of a build" }, null, 2);

createRoot(root).render(
  <StrictMode>
    <GraphiQL
      fetcher={reach}
      defaultQuery={lookQuery}
      defaultHeaders={headers}
      defaultTabs={[
        { query: lookQuery, headers },
        { query: changeQuery, headers, variables: ids },
        { query: watchQuery, headers, variables: ids },
      ]}
      defaultEditorToolsVisibility="headers"
      // Whether a token is stored in the browser is the user's choice (settings, bottom left); off by default.
      showPersistHeadersSettings
    >
      <GraphiQL.Logo>
        <a className="home" href="/">
          EventFlow
        </a>
      </GraphiQL.Logo>
    </GraphiQL>
  </StrictMode>,
);
