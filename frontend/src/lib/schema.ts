// The subset of JSON Schema used by the schema of function.json: finds violations and describes them. The server
// decides when it builds; this only helps earlier.

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  title?: string;
  description?: string;
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  default?: unknown;
  required?: readonly string[];
  properties?: Record<string, Schema | true>;
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  maxProperties?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  allOf?: readonly Schema[];
  if?: Schema;
  then?: Schema;
}

/** A violation; the path is like `/triggers/0/cron`. */
export interface Fault {
  path: string;
  message: string;
}

const kind = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
};

const KINDS: Record<string, string> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.match(/^#\/\$defs\/(\w+)$/)?.[1];
  const found = name === undefined ? undefined : root.$defs?.[name];
  return found ? { ...found, ...schema } : schema;
}

/** The violations of a schema by a value. */
export function faults(value: unknown, schema: Schema, root: Schema = schema, path = ""): Fault[] {
  const of = resolved(schema, root);
  const found: Fault[] = [];
  const fault = (message: string, at = path) => found.push({ path: at, message });
  const is = kind(value);
  const types = typeof of.type === "string" ? [of.type] : of.type;
  if (types && !types.includes(is) && !(is === "integer" && types.includes("number"))) {
    fault(`must be ${types.map((type) => KINDS[type] ?? type).join(" or ")}`);
    return found;
  }
  if (of.const !== undefined && value !== of.const) fault(`must be ${JSON.stringify(of.const)}`);
  if (of.enum && !of.enum.includes(value)) fault(`must be one of ${of.enum.map((one) => String(one)).join(", ")}`);
  if (typeof value === "string") {
    if (of.minLength !== undefined && value.length < of.minLength)
      fault(value === "" ? "must not be empty" : `must have ${of.minLength} characters or more`);
    else if (of.maxLength !== undefined && value.length > of.maxLength)
      fault(`must have ${of.maxLength} characters or fewer`);
    else if (of.pattern !== undefined && !new RegExp(of.pattern, "u").test(value))
      fault(value === "" ? "must not be empty" : "has characters, or an order of them, that it may not have");
  }
  if (typeof value === "number") {
    if (of.minimum !== undefined && value < of.minimum) fault(`must be ${of.minimum} or more`);
    if (of.maximum !== undefined && value > of.maximum) fault(`must be ${of.maximum} or less`);
    if (of.exclusiveMinimum !== undefined && value <= of.exclusiveMinimum)
      fault(`must be more than ${of.exclusiveMinimum}`);
  }
  if (Array.isArray(value)) {
    if (of.minItems !== undefined && value.length < of.minItems) fault(`must have ${of.minItems} or more`);
    if (of.maxItems !== undefined && value.length > of.maxItems) fault(`must have ${of.maxItems} or fewer`);
    if (of.uniqueItems && new Set(value.map((one) => JSON.stringify(one))).size < value.length)
      fault("names something twice");
    if (of.items) {
      value.forEach((one, index) => {
        found.push(...faults(one, of.items as Schema, root, `${path}/${index}`));
      });
    }
  } else if (typeof value === "object" && value !== null) {
    const members = value as Record<string, unknown>;
    for (const name of of.required ?? []) if (!(name in members)) fault("is missing", `${path}/${name}`);
    if (of.maxProperties !== undefined && Object.keys(members).length > of.maxProperties)
      fault(`must have ${of.maxProperties} members or fewer`);
    for (const [name, inner] of Object.entries(members)) {
      const at = `${path}/${name}`;
      if (of.propertyNames) {
        const [bad] = faults(name, of.propertyNames, root, at);
        if (bad) fault("is no name that fits", at);
      }
      const known = of.properties?.[name];
      if (known === true) continue;
      if (known) found.push(...faults(inner, known, root, at));
      else if (of.additionalProperties === false) fault("is not known here", at);
      else if (typeof of.additionalProperties === "object")
        found.push(...faults(inner, of.additionalProperties, root, at));
    }
  }
  for (const part of of.allOf ?? []) {
    if (part.if) {
      if (part.then && faults(value, part.if, root).length === 0) found.push(...faults(value, part.then, root, path));
    } else {
      found.push(...faults(value, part, root, path));
    }
  }
  return found;
}
