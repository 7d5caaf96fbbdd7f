// The head of a function's pages, with tabs.

import { Group, Tabs, Text } from "@mantine/core";
import { Link, Outlet, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { FunctionChangedDocument, FunctionHeadDocument, RunChangedDocument } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { pinned } from "../../lib/image.ts";
import { isOwn } from "../../lib/namespace.ts";
import { short } from "../../lib/time.ts";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { Actions } from "./Actions.tsx";
import { Banner } from "./Banner.tsx";
import { shownState } from "./model.ts";
import { Offers } from "./offers/Offers.tsx";
import { useTrouble } from "./useTrouble.ts";

const TABS = [
  ["overview", "Overview"],
  ["invoke", "Invoke"],
  ["runs", "Runs"],
  ["logs", "Logs"],
  ["builds", "Builds"],
  ["versions", "Versions"],
  ["metrics", "Metrics"],
  ["settings", "Settings"],
  ["history", "History"],
] as const;

export function FunctionFrame({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(FunctionHeadDocument, { id });
  useFollowed(FunctionChangedDocument, { id }, look);
  // The cache updates the latest run of a function, which shows whether it answers.
  useFollowed(RunChangedDocument, { function: id });
  const { mayWrite } = useViewer();
  const trouble = useTrouble(data?.function ? [data.function] : []);
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const tab = pathname.split("/")[3] || "overview";
  const there = data?.function !== undefined;
  const tabs = useRef<HTMLDivElement>(null);
  const router = useRouter();
  // On a narrow screen the selected tab may be out of view. When a page is rendered, the router restores the previous
  // scroll positions, including that of the tabs, so this has to happen after that.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab, or the tabs are there at last
  useEffect(() => {
    const centre = () => {
      const list = tabs.current;
      const chosen = list?.querySelector<HTMLElement>("[data-active]");
      if (list && chosen) list.scrollLeft = chosen.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2;
    };
    centre();
    return router.subscribe("onRendered", centre);
  }, [tab, there, router]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) {
    return (
      <Empty title="There is no such function" action={<Link to="/functions">Go to functions</Link>}>
        The link may be old, or the function may belong to a namespace that you do not see.
      </Empty>
    );
  }
  const [newest] = of.builds.nodes;
  const image = of.currentVersion?.image;
  const mayChoose = mayWrite && of.state !== "DEREGISTERED" && ["overview", "builds"].includes(tab);
  const offers = mayChoose && newest?.state === "FAILED" ? newest : null;
  return (
    <Page
      title={of.name}
      aside={
        <Group gap="xs">
          <Status state={shownState(of)} broken={trouble(of).broken} />
          {of.currentVersion && (
            <Text size="sm" c="dimmed">
              {of.runtime} · v{of.currentVersion.number} · {of.mode.toLowerCase()}
            </Text>
          )}
          {image && (
            <Text
              size="sm"
              c="dimmed"
              className="mono"
              title={pinned(image.reference, image.digest)}
              style={{ overflowWrap: "anywhere" }}
            >
              {image.reference.split("@")[0]} @ {short(image.digest, 12)}
            </Text>
          )}
          {!isOwn(of.namespace) && (
            <Text size="sm" c="dimmed">
              in {of.namespace}
            </Text>
          )}
        </Group>
      }
      actions={<Actions of={of} large />}
    >
      <Banner of={of} trouble={trouble(of)} />
      {offers && <Offers key={offers.id} of={of} build={offers.id} />}
      <Tabs
        value={tab}
        onChange={(to) => void navigate({ to: `/functions/${id}${to && to !== "overview" ? `/${to}` : ""}` })}
        keepMounted={false}
        activateTabWithKeyboard={false}
      >
        <Tabs.List
          ref={tabs}
          style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden", scrollbarWidth: "thin" }}
        >
          {TABS.map(([value, label]) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <Outlet />
    </Page>
  );
}
