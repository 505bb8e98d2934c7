// Makes src/generated/operations.ts from the schema and the documents that all clients share.
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { codegen } from "@graphql-codegen/core";
import * as typedDocuments from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const here = path.dirname(fileURLToPath(import.meta.url));
const schema = path.join(here, "../../src/mercato/services/gateway/schema.graphql");
const folder = path.join(here, "../documents");
const out = path.join(here, "src/generated/operations.ts");

const documents = await Promise.all(
  (await readdir(folder))
    .filter((name) => name.endsWith(".graphql"))
    .sort()
    .map(async (name) => ({ location: name, document: parse(await readFile(path.join(folder, name), "utf8")) })),
);

// Amounts and token ids are text: a JSON number has no room for a uint256.
const text = { input: "string", output: "string" };
const config = {
  useTypeImports: true,
  enumType: "string-literal",
  immutableTypes: true,
  strictScalars: true,
  scalars: {
    ChainId: text,
    Address: text,
    Hash: text,
    Bytes: text,
    Uint256: text,
    DateTime: text,
    SafeInt: { input: "number", output: "number" },
    Upload: { input: "Blob", output: "never" },
    JSON: { input: "unknown", output: "unknown" },
  },
};

const made = await codegen({
  filename: out,
  schema: parse(await readFile(schema, "utf8")),
  documents,
  config,
  plugins: [{ operations: {} }, { typedDocuments: {} }],
  pluginMap: { operations, typedDocuments },
});
await mkdir(path.dirname(out), { recursive: true });
await writeFile(out, made);
