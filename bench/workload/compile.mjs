// Compiles BenchNFT.sol and prints its creation code as 0x-hex. Needs `npm ci` in this folder.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const solc = createRequire(import.meta.url)('solc')
const read = (path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')

const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: 'Solidity',
      sources: { 'BenchNFT.sol': { content: read('./BenchNFT.sol') } },
      settings: {
        // Older than anvil's default, so that the recording does not change when that moves on.
        evmVersion: 'shanghai',
        optimizer: { enabled: true, runs: 10_000 },
        outputSelection: { '*': { '*': ['evm.bytecode.object'] } },
      },
    }),
    { import: (path) => ({ contents: read(`./node_modules/${path}`) }) },
  ),
)
const errors = (output.errors ?? []).filter((error) => error.severity === 'error')
if (errors.length) {
  console.error(errors.map((error) => error.formattedMessage).join('\n'))
  process.exit(1)
}
process.stdout.write(`0x${output.contracts['BenchNFT.sol'].BenchNFT.evm.bytecode.object}`)
