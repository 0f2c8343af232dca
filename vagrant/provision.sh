#!/usr/bin/env bash
# Make a fresh Debian ready for a lab session: vagrant/provision.sh CHECKOUT (default: the one this script is in).
set -euo pipefail
checkout=${1:-$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)}
"$checkout/scripts/install"
echo "Ready. Begin with: sudo netlab up"
