// CodeMirror for JSON, in the colours of the theme.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { bracketMatching, defaultHighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { linter } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import type { Highlighter } from "@lezer/highlight";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  height: number;
  onSubmit?: () => void;
}

const lint = jsonParseLinter();

export default function Editor({ value, onChange, label, height, onSubmit }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const calls = useRef({ onChange, onSubmit });
  calls.current = { onChange, onSubmit };
  const dark = useComputedColorScheme("light") === "dark";
  const initial = useRef(value);

  useEffect(() => {
    if (!place.current) return;
    const submit = Prec.highest(
      keymap.of([
        {
          key: "Mod-Enter",
          run: () => {
            calls.current.onSubmit?.();
            return true;
          },
        },
      ]),
    );
    const theme = EditorView.theme(
      {
        "&": {
          height: `${height}px`,
          fontSize: "13px",
          border: "1px solid var(--mantine-color-default-border)",
          borderRadius: "4px",
        },
        "&.cm-focused": { outline: "2px solid var(--mantine-primary-color-filled)", outlineOffset: "-1px" },
        ".cm-content": { fontFamily: "var(--mantine-font-family-monospace)" },
        ".cm-gutters": { background: "transparent", border: "none", color: "var(--mantine-color-dimmed)" },
      },
      { dark },
    );
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: view.current?.state.doc.toString() ?? initial.current,
        extensions: [
          submit,
          lineNumbers(),
          history(),
          bracketMatching(),
          indentOnInput(),
          json(),
          linter((of) => (of.state.doc.toString().trim() === "" ? [] : lint(of))),
          ...(dark ? [] : [syntaxHighlighting(defaultHighlightStyle as Highlighter)]),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange(update.state.doc.toString());
          }),
          theme,
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [dark, height, label]);

  // A value that came from elsewhere than from typing.
  useEffect(() => {
    const current = view.current;
    if (!current || current.state.doc.toString() === value) return;
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={place} />;
}
