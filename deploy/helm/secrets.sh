#!/bin/sh
# Prints the secrets that the chart needs, one an actor, and makes what is missing of them in the folder maggy-authority (or
# MAGGY_AUTHORITY): keep that folder to yourself, and run it again for more workers.
#   deploy/helm/secrets.sh RELEASE NAMESPACE WORKERS | kubectl apply -n NAMESPACE -f -
# MAGGY is the command that is called, if it is not `npx maggy`.
set -eu

release=${1:?a release, a namespace and the number of workers are needed}
namespace=${2:?a namespace is needed}
workers=${3:?how many workers there may be is needed}
case $workers in *[!0-9]* | '')
  echo "secrets.sh: $workers is no number of workers" >&2
  exit 2
  ;;
esac
folder=${MAGGY_AUTHORITY:-maggy-authority}
# As the nats chart names its service.
case $release in *nats*) bus=$release ;; *) bus=$release-nats ;; esac

# What it says is no part of the manifests. No server is told: the accounts reach it with the secret.
maggy() {
  (unset MAGGY_SERVER && ${MAGGY:-npx maggy} auth "$@") >&2
}
encoded() {
  base64 <"$1" | tr -d '\n'
}
secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s }\ndata:\n' "$1"
}
entry() {
  printf '  %s: %s\n' "$1" "$(encoded "$2")"
}

if [ ! -d "$folder" ]; then
  maggy init "$folder" --host "$bus" --host "$bus.$namespace" --host "$bus.$namespace.svc" \
    --host "$bus-0.$bus-headless" --host "$bus-1.$bus-headless" --host "$bus-2.$bus-headless"
fi
for role in driver optimizer ablator board; do
  [ -f "$folder/creds/main/$role-$role.creds" ] || maggy "add-$role" "$role" --dir "$folder"
  secret "$release-$role"
  entry creds "$folder/creds/main/$role-$role.creds"
done

secret "$release-workers"
n=0
while [ "$n" -lt "$workers" ]; do
  worker=$release-worker-$n
  [ -f "$folder/creds/main/worker-$worker.creds" ] || maggy add-worker "$worker" --dir "$folder"
  entry "$worker" "$folder/creds/main/worker-$worker.creds"
  n=$((n + 1))
done

# Of the bus: its certificate, and the operator and the accounts that it is to know. What is newer in its own folder stays.
configuration=$(mktemp)
trap 'rm -f "$configuration"' EXIT
{
  grep -E '^(operator|system_account):' "$folder/server/nats-server.conf"
  echo 'resolver_preload {'
  for account in "$folder"/server/jwt/*.jwt; do
    printf '  %s: %s\n' "$(basename "$account" .jwt)" "$(cat "$account")"
  done
  echo '}'
} >"$configuration"
secret maggy-bus
entry authority.conf "$configuration"
for file in server.pem server.key ca.pem; do entry "$file" "$folder/server/$file"; done
