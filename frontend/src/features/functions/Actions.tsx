// The actions of a function: start, stop, invoke, build, deregister; in a row or in the head of a page.

import { ActionIcon, Button, Group, Menu, Text, Tooltip } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { FunctionRowFragment } from "../../graphql/generated.ts";
import { shownName } from "../../lib/namespace.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { Icon } from "../../ui/icons.tsx";
import { once } from "../../ui/once.ts";
import { useViewer } from "../auth/viewer.tsx";
import { allowed } from "./model.ts";
import { useActions } from "./useActions.ts";

export function Actions({ of, large = false }: { of: FunctionRowFragment; large?: boolean }) {
  const { mayWrite } = useViewer();
  const actions = useActions();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  const may = allowed(of);
  if (!mayWrite || of.state === "DEREGISTERED") return null;
  const params = { id: of.id };
  return (
    <Group gap={4} wrap="nowrap" justify="flex-end" onClick={(event) => event.stopPropagation()}>
      {large ? (
        <>
          {may.invoke && (
            <Button
              size="xs"
              component={Link}
              to={`/functions/${of.id}/invoke`}
              leftSection={<Icon name="run" size={13} />}
            >
              Invoke
            </Button>
          )}
          {may.stop && (
            <Button
              size="xs"
              variant="default"
              loading={actions.busy}
              onClick={once(() => actions.stop(of))}
              leftSection={<Icon name="stop" size={13} />}
            >
              Stop
            </Button>
          )}
          {may.start && (
            <Button
              size="xs"
              loading={actions.busy}
              onClick={once(() => actions.start(of))}
              leftSection={<Icon name="run" size={13} />}
            >
              Start
            </Button>
          )}
        </>
      ) : (
        (may.start || may.stop) && (
          <Tooltip label={may.stop ? "Stop" : "Start"}>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`${may.stop ? "Stop" : "Start"} ${of.name}`}
              onClick={once(() => (may.stop ? actions.stop(of) : actions.start(of)))}
            >
              <Icon name={may.stop ? "stop" : "run"} />
            </ActionIcon>
          </Tooltip>
        )
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More for ${of.name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            disabled={!may.invoke}
            leftSection={<Icon name="run" />}
            onClick={() => void navigate({ to: "/functions/$id/invoke", params })}
          >
            Invoke
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="api" />}
            onClick={() => void navigate({ to: "/functions/$id/logs", params })}
          >
            Logs
          </Menu.Item>
          <Menu.Item
            disabled={!may.build}
            leftSection={<Icon name="build" />}
            onClick={async () => {
              const build = await actions.build(of);
              if (build) await navigate({ to: "/functions/$id/builds", params, search: { build } });
            }}
          >
            Build again
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            color="red"
            leftSection={<Icon name="trash" />}
            onClick={() => {
              setAsked(true);
              setAsking(true);
            }}
          >
            Deregister
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {/* A list has many rows, and most menus are never opened. */}
      {asked && (
        <Confirm
          opened={asking}
          close={() => setAsking(false)}
          title={`Deregister ${shownName(of)}?`}
          act="Deregister"
          danger
          type={of.name}
          onConfirm={async () => {
            await actions.deregister(of);
          }}
        >
          <Text size="sm">This is permanent. Its history stays in the log, and the name becomes free.</Text>
        </Confirm>
      )}
    </Group>
  );
}
