// Bundles the page and GraphiQL into dist/, with file names that change with their content.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const pages = { "index.html": "main", "graphiql.html": "graphiql" };

await rm(dist, { recursive: true, force: true });
await mkdir(path.join(dist, "assets"), { recursive: true });

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", graphiql: "src/graphiql.ts" },
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: false,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".woff": "dataurl", ".woff2": "dataurl", ".svg": "dataurl" },
  legalComments: "none",
  logLevel: "warning",
});

// Each entry has one script and perhaps one style sheet.
const files = {};
for (const [file, { entryPoint, cssBundle }] of Object.entries(metafile.outputs)) {
  if (!entryPoint?.startsWith("src/")) continue;
  const name = path.basename(entryPoint, ".ts");
  if (file.endsWith(".js")) files[name] = { script: path.basename(file), style: cssBundle && path.basename(cssBundle) };
}

for (const [page, name] of Object.entries(pages)) {
  const { script, style } = files[name];
  const html = (await readFile(path.join(here, "src", page), "utf8"))
    .replace("<!-- style -->", style ? `<link rel="stylesheet" href="/assets/${style}">` : "")
    .replace("<!-- script -->", `<script type="module" src="/assets/${script}"></script>`);
  await writeFile(path.join(dist, page), html);
}
await cp(path.join(here, "src", "icon.svg"), path.join(dist, "assets", "icon.svg"));
console.log(`built ${path.relative(process.cwd(), dist) || "."}`);
