// Compiles src/ and test/ with solc-js into artifacts/, deterministically, and only when something changed.
//
//   node build.mjs           build what is out of date
//   node build.mjs --check   build in memory and fail unless artifacts/ is the same, byte for byte

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(fileURLToPath(import.meta.url))
const MODULES = join(ROOT, 'node_modules')
const ARTIFACTS = join(ROOT, 'artifacts')
const CODE_LIMIT = 24_576 // bytes of run-time code, EIP-170

// Contracts that get an artifact, by source. Those of test/ go to artifacts/test/ and are never deployed by the stack.
const CONTRACTS = {
  'src/CollectionFactory.sol': 'CollectionFactory',
  'src/Collection721.sol': 'Collection721',
  'src/Collection1155.sol': 'Collection1155',
  'test/ReentrantMinter.sol': 'ReentrantMinter',
  'test/StubbornPayee.sol': 'StubbornPayee',
}

const SETTINGS = {
  // Transient storage (EIP-1153) carries the reentrancy guard.
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  // Without the metadata hash the byte code depends on code and settings alone, not on comments or paths.
  metadata: { bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
}

class BuildError extends Error {}

function ownSources() {
  return ['src', 'test'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith('.sol'))
      .sort()
      .map((file) => `${folder}/${file}`),
  )
}

// The lock file pins every dependency by content hash and so stands for their sources.
function sourceHash(sources) {
  const hash = createHash('sha256')
  for (const file of [...sources, 'package-lock.json', 'build.mjs']) {
    const content = readFileSync(join(ROOT, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

function artifactFile(source) {
  const name = `${CONTRACTS[source]}.json`
  return source.startsWith('test/') ? join(ARTIFACTS, 'test', name) : join(ARTIFACTS, name)
}

function isFresh(source, hash) {
  const file = artifactFile(source)
  if (!existsSync(file)) return false
  try {
    return JSON.parse(readFileSync(file, 'utf8')).sourceHash === hash
  } catch {
    return false // half-written by a build that was stopped
  }
}

async function compile(sources) {
  if (!existsSync(join(MODULES, 'solc'))) {
    throw new BuildError('packages are missing: run `npm ci` in contracts/')
  }
  const { default: solc } = await import('solc')
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(sources.map((file) => [file, { content: readFileSync(join(ROOT, file), 'utf8') }])),
    settings: SETTINGS,
  }
  const findImport = (path) => {
    const file = join(MODULES, path)
    return existsSync(file) ? { contents: readFileSync(file, 'utf8') } : { error: 'not found in node_modules' }
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }))
  // A warning about our own code stops the build too; those about the packages are theirs to judge.
  const problems = (output.errors ?? []).filter(
    ({ severity, sourceLocation }) => severity === 'error' || sources.includes(sourceLocation?.file),
  )
  if (problems.length > 0) throw new BuildError(problems.map(({ formattedMessage }) => formattedMessage).join('\n'))
  return { contracts: output.contracts, compiler: `solc ${solc.version()}` }
}

function sortKeys(value) {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sortKeys(value[key])]))
}

function renderArtifact(source, { contracts, compiler }, hash) {
  const contractName = CONTRACTS[source]
  const { abi, evm } = contracts[source][contractName]
  const artifact = {
    contractName,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    compiler,
    sourceHash: hash,
  }
  return `${JSON.stringify(sortKeys(artifact), null, 1)}\n`
}

function codeSize(rendered) {
  return (JSON.parse(rendered).deployedBytecode.length - 2) / 2
}

function report(rendered) {
  const tooBig = []
  for (const [source, text] of Object.entries(rendered)) {
    const size = codeSize(text)
    console.log(`${CONTRACTS[source].padEnd(20)} ${String(size).padStart(6)} bytes`)
    if (size > CODE_LIMIT) tooBig.push(`${CONTRACTS[source]} has ${size} bytes of code; the limit is ${CODE_LIMIT}`)
  }
  if (tooBig.length > 0) throw new BuildError(tooBig.join('\n'))
}

function read(source) {
  return readFileSync(artifactFile(source), 'utf8')
}

function forEachContract(make) {
  return Object.fromEntries(Object.keys(CONTRACTS).map((source) => [source, make(source)]))
}

// Each file is replaced in one step, so a reader never meets half of one.
function write(rendered) {
  mkdirSync(join(ARTIFACTS, 'test'), { recursive: true })
  for (const [source, text] of Object.entries(rendered)) {
    const file = artifactFile(source)
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  const wanted = new Set(Object.keys(rendered).map(artifactFile))
  for (const entry of readdirSync(ARTIFACTS, { recursive: true })) {
    const file = join(ARTIFACTS, entry)
    if (file.endsWith('.json') && !wanted.has(file)) rmSync(file)
  }
}

function compare(rendered) {
  const stale = Object.keys(rendered).filter(
    (source) => !existsSync(artifactFile(source)) || read(source) !== rendered[source],
  )
  if (stale.length > 0) {
    throw new BuildError(`out of date: ${stale.map((source) => CONTRACTS[source]).join(', ')}; run \`make contracts\``)
  }
}

async function main(mode) {
  const sources = ownSources()
  const hash = sourceHash(sources)
  if (mode === undefined && Object.keys(CONTRACTS).every((source) => isFresh(source, hash))) {
    report(forEachContract(read))
    return 'up to date'
  }
  const output = await compile(sources)
  const rendered = forEachContract((source) => renderArtifact(source, output, hash))
  report(rendered)
  if (mode === '--check') {
    compare(rendered)
    return 'artifacts are what the sources give'
  }
  write(rendered)
  return 'built'
}

const [mode, ...rest] = process.argv.slice(2)
if ((mode !== undefined && mode !== '--check') || rest.length > 0) {
  console.error('usage: node build.mjs [--check]')
  process.exitCode = 2
} else {
  try {
    console.log(await main(mode))
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
