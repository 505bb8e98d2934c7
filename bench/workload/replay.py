"""Serves the recorded workload as a node, from memory and with little CPU of its own.

python -m bench.workload.replay RECORDING.jsonl.gz PORT [--max-range BLOCKS]
"""

from mercato.evm.recorded.__main__ import main

if __name__ == "__main__":
    main()
