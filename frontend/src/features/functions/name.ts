// Valid names of functions.

/** What is wrong with a name; null if nothing is. */
export function nameFault(name: string): string | null {
  if (name === "") return "A function needs a name.";
  if (name.length > 63) return `${name.length} characters; 63 at most.`;
  if (!/^[a-z]/.test(name)) return "It begins with a lower-case letter.";
  if (!/^[a-z0-9-]*$/.test(name)) return "Only lower-case letters, digits and hyphens.";
  if (name.endsWith("-")) return "It does not end with a hyphen.";
  return null;
}

/** A name for a function from the address of its repository: `https://…/thumbs.git` gives `thumbs`. */
export function nameFrom(url: string): string {
  const last =
    url
      .trim()
      .replace(/[/\\]+$/, "")
      .split(/[/\\:]/)
      .at(-1) ?? "";
  return last
    .replace(/\.(git|zip|tgz|tar\.gz)$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
}
