// The files of a new function written here, based on a template.

import { Select, Stack, Tabs, Text } from "@mantine/core";
import { useState } from "react";
import { CodeEditor } from "../../../ui/codeEditor.tsx";
import { jsonFault } from "../../../ui/jsonEditor.tsx";
import { TEMPLATES, type TemplateName } from "./templates.ts";

export function WriteFiles({
  template,
  choose,
  files,
  change,
}: {
  template: TemplateName;
  choose: (template: TemplateName) => void;
  files: Readonly<Record<string, string>>;
  change: (file: string, content: string) => void;
}) {
  const names = Object.keys(files);
  const [picked, setPicked] = useState<string | null>(null);
  const open = picked !== null && names.includes(picked) ? picked : (names[0] ?? "");
  const fault = jsonFault(files["function.json"] ?? "");
  return (
    <Stack gap="xs">
      <Select
        label="Template"
        description={TEMPLATES[template].about}
        inputWrapperOrder={["label", "input", "description"]}
        data={Object.entries(TEMPLATES).map(([value, { label }]) => ({ value, label }))}
        value={template}
        onChange={(value) => {
          if (!value) return;
          setPicked(null);
          choose(value as TemplateName);
        }}
        allowDeselect={false}
        maw={460}
      />
      <Tabs value={open} onChange={setPicked} variant="outline" keepMounted={false}>
        <Tabs.List>
          {names.map((file) => (
            <Tabs.Tab key={file} value={file}>
              {file}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={open} pt={6}>
          <CodeEditor
            key={`${template}/${open}`}
            path={open}
            value={files[open] ?? ""}
            onChange={(content) => change(open, content)}
            height={280}
          />
        </Tabs.Panel>
      </Tabs>
      {fault && (
        <Text size="xs" c="red" role="alert">
          function.json: {fault}
        </Text>
      )}
    </Stack>
  );
}
