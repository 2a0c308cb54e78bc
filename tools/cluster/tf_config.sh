#!/bin/bash
# Prints TF_CONFIG: the addresses of all workers of tfvae train --strategy=multi_worker, and the index of this one.
#   tf_config.sh INDEX PORT HOST...    INDEX from 0; the HOSTs in the same order on all workers
set -euo pipefail
if [[ ! "${1:-}" =~ ^[0-9]+$ ]] || (($1 >= $# - 2)); then
  echo "Expected INDEX PORT HOST..., with an INDEX less than the number of HOSTs. Received: $*" >&2
  exit 1
fi
index=$1 port=$2
shift 2
workers=$(printf ", \"%s:$port\"" "$@")
echo "{\"cluster\": {\"worker\": [${workers#, }]}, \"task\": {\"type\": \"worker\", \"index\": $index}}"
