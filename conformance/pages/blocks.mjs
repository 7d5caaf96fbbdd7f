// The fenced blocks of a Markdown page, and what the comments in front of them say about running them.
//
//   <!-- block: skip=REASON -->             the next block is not run; REASON is a key of REASONS
//   <!-- block: fails="text" -->            it must fail, and its output contains the text
//   <!-- block: session=NAME -->            it runs in a shell with a server of its own
//   <!-- block: file=PATH -->               it is the content of a file of the repository, or a part of it
//   <!-- hidden: COMMANDS -->               commands that readers do not see, run in this place
//   <!-- page: server=none NAME=VALUE -->   the page's blocks need no server, or one with these variables
//
// Values with spaces are quoted. A comment of one of these kinds that cannot be read is an error, and so is a block
// without a language.

import MarkdownIt from "markdown-it";

/** Why a block may be skipped. There are no other reasons. */
export const REASONS = {
  builds: "it builds or tests the whole repository, which `make test` does itself",
  docker: "it needs Docker",
  packages: "it installs packages of the operating system",
  root: "it changes the machine: users, folders of root, services",
  kubernetes: "it needs a cluster",
  internet: "it needs an account or a server on the Internet",
};

const LANGUAGES = {
  run: ["sh", "console"],
  read: ["json", "graphql", "js", "javascript", "python", "yaml", "toml", "ini", "nginx", "caddy", "text", "sql", "http"],
};

/** The blocks of a page in their order, `{line, heading, language, text, settings}`, and the settings of the page. */
export function read(source, name) {
  const page = { name, settings: {}, blocks: [] };
  let settings = {};
  let heading = name;
  const tokens = new MarkdownIt({ html: true }).parse(source, {});
  tokens.forEach((token, at) => {
    const line = (token.map?.[0] ?? 0) + 1;
    const fail = (why) => {
      throw new Error(`${name}:${line}: ${why}`);
    };
    if (token.type === "heading_open") heading = tokens[at + 1].content;
    if (token.type === "html_block") {
      for (const [, kind, text] of token.content.matchAll(/<!--\s*(block|hidden|page):([\s\S]*?)-->/g)) {
        if (kind === "hidden") page.blocks.push({ line, heading, language: "hidden", text, settings });
        if (kind === "block") settings = pairs(text, ["skip", "fails", "session", "file"], fail);
        if (kind === "hidden") settings = {};
        if (kind === "page") Object.assign(page.settings, pairs(text, undefined, fail));
      }
    }
    if (token.type === "fence") {
      const language = token.info.trim();
      const known = LANGUAGES.run.includes(language) || LANGUAGES.read.includes(language);
      if (!known) fail(`a block says what it is: ${[...LANGUAGES.run, ...LANGUAGES.read].join(", ")}; this one says \`${language}\``);
      if (settings.skip && !REASONS[settings.skip]) fail(`\`${settings.skip}\` is no reason to skip a block: ${Object.keys(REASONS).join(", ")}`);
      page.blocks.push({ line, heading, language, text: token.content, settings });
      settings = {};
    }
  });
  return page;
}

/** `name=value name="value with spaces"`. */
function pairs(text, known, fail) {
  const found = {};
  const rest = text.replace(/([A-Za-z_]+)=(?:"([^"]*)"|(\S+))/g, (_, name, quoted, plain) => {
    if (known && !known.includes(name)) fail(`a block has no setting \`${name}\``);
    found[name] = quoted ?? plain;
    return "";
  });
  if (rest.trim()) fail(`cannot be read: \`${rest.trim()}\``);
  return found;
}

/** The commands of a `console` block, each with the output that is shown below it. */
export function commands(text) {
  const found = [];
  let continues = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("$ ")) found.push({ command: line.slice(2), output: [] });
    else if (continues) found.at(-1).command += `\n${line}`;
    else if (found.length) found.at(-1).output.push(line);
    continues = (line.startsWith("$ ") || continues) && line.endsWith("\\");
  }
  return found.map(({ command, output }) => ({ command, output: output.join("\n").trim() }));
}

/** Whether an output is the one that a page shows: `…` stands for anything. */
export function fits(shown, output) {
  const parts = shown.split("…").map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+"));
  return new RegExp(`^\\s*${parts.join("[\\s\\S]*?")}\\s*$`).test(output);
}

/** A block's language is one whose blocks are run. */
export const runs = (block) => block.language === "hidden" || LANGUAGES.run.includes(block.language);
