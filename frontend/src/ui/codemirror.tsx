// CodeMirror for JSON and code, in the theme's colors.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { linter } from "@codemirror/lint";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { type Highlighter, tags } from "@lezer/highlight";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  height: number;
  onSubmit?: () => void;
  language?: Language;
}

export type Language = "json" | "javascript" | "python" | "text";

const lint = jsonParseLinter();

const both = (light: string, dark: string) => `light-dark(var(--mantine-color-${light}), var(--mantine-color-${dark}))`;

/** Legible in both color schemes, which these colors follow automatically. */
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null, tags.operatorKeyword], color: both("violet-8", "violet-3") },
  { tag: [tags.string, tags.special(tags.string)], color: both("teal-9", "teal-3") },
  { tag: tags.number, color: "light-dark(#a83a06, var(--mantine-color-orange-3))" },
  { tag: [tags.propertyName, tags.definition(tags.variableName)], color: both("blue-8", "blue-3") },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: both("indigo-8", "indigo-3") },
  { tag: [tags.comment, tags.meta], color: both("gray-7", "gray-5"), fontStyle: "italic" },
]);

/** The grammar of a language; those other than JSON are loaded when they are first needed. */
async function grammar(language: Language): Promise<Extension> {
  switch (language) {
    case "javascript":
      return (await import("@codemirror/lang-javascript")).javascript();
    case "python":
      return [(await import("@codemirror/lang-python")).python(), indentUnit.of("    ")];
    default:
      return [];
  }
}

export default function Editor({ value, onChange, label, height, onSubmit, language = "json" }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const calls = useRef({ onChange, onSubmit });
  calls.current = { onChange, onSubmit };
  const dark = useComputedColorScheme("light") === "dark";
  const initial = useRef(value);

  useEffect(() => {
    if (!container.current) return;
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
    const speaks = new Compartment();
    const made = new EditorView({
      parent: container.current,
      state: EditorState.create({
        doc: view.current?.state.doc.toString() ?? initial.current,
        extensions: [
          submit,
          lineNumbers(),
          history(),
          bracketMatching(),
          indentOnInput(),
          speaks.of(language === "json" ? json() : []),
          ...(language === "json" ? [linter((of) => (of.state.doc.toString().trim() === "" ? [] : lint(of)))] : []),
          syntaxHighlighting(colours as Highlighter),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange(update.state.doc.toString());
          }),
          theme,
        ],
      }),
    });
    view.current = made;
    let gone = false;
    if (language !== "json") {
      // Without highlighting, it is still readable.
      grammar(language).then(
        (extension) => gone || made.dispatch({ effects: speaks.reconfigure(extension) }),
        () => {},
      );
    }
    return () => {
      gone = true;
      made.destroy();
    };
  }, [dark, height, label, language]);

  // A value that was changed from outside, not by typing.
  useEffect(() => {
    const current = view.current;
    if (!current || current.state.doc.toString() === value) return;
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={container} />;
}
