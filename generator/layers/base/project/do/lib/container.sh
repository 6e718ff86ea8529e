# shellcheck shell=bash
# The container on this machine: start it as SageMaker does, wait until it serves, call it.

CONTAINER="mcc-$PROJECT_NAME"
PORT=${MCC_PORT:-8080}

# The environment that the deployment sets, as NAME=value strings that end in NUL.
container_environment() {
  if [ -f deploy/create-model.json ]; then
    jq -j '.PrimaryContainer.Environment // {} | to_entries[] | "\(.key)=\(.value)\u0000"' deploy/create-model.json
  else
    jq -j 'to_entries[] | "\(.key)=\(.value)\u0000"' deploy/environment.json
  fi
}

# start_container [DOCKER RUN ARGUMENT...]
start_container() {
  local pair device
  docker image inspect "$PROJECT_NAME:latest" >/dev/null 2>&1 || fail 'there is no local image' 'run do/build first'
  while IFS= read -r -d '' pair; do
    set -- "$@" --env "$pair"
  done < <(container_environment)
  # Secrets come from the caller's environment and are never written to a command line.
  if [ -n "${HF_TOKEN:-}" ]; then set -- "$@" --env HF_TOKEN; fi
  if [ "${INSTANCE_GPUS:-0}" -gt 0 ] && [ "${MCC_CPU:-0}" != 1 ]; then
    set -- "$@" --gpus all --shm-size 2g
  fi
  for device in /dev/neuron[0-9]*; do
    if [ -e "$device" ]; then set -- "$@" --device "$device"; fi
  done
  docker run --platform "$PLATFORM" --name "$CONTAINER" --publish "127.0.0.1:$PORT:$CONTAINER_PORT" "$@" \
    "$PROJECT_NAME:latest" serve
}

stop_container() { docker rm --force "$CONTAINER" >/dev/null 2>&1 || true; }

container_runs() { [ "$(docker inspect --format '{{.State.Running}}' "$CONTAINER" 2>/dev/null)" = true ]; }

# http_request METHOD PATH [CONTENT_TYPE FILE]: through bash itself, since nothing else is sure to
# be installed. Sets HTTP_STATUS (000 without an answer) and writes the body to $MCC_TMP/answer.
HTTP_STATUS=000
http_exchange() {
  exec 3<>"/dev/tcp/127.0.0.1/$PORT"
  printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: */*\r\n' "$1" "$2" >&3
  if [ -n "${4:-}" ]; then
    printf 'Content-Type: %s\r\nContent-Length: %s\r\n\r\n' "$3" "$(wc -c <"$4" | tr -d ' ')" >&3
    cat "$4" >&3
  else
    printf '\r\n' >&3
  fi
  cat <&3
}
http_request() {
  local exchange deadline=$((SECONDS + ${MCC_TIMEOUT_SECONDS:-120}))
  http_exchange "$@" >"$MCC_TMP/response" 2>/dev/null &
  exchange=$!
  while kill -0 "$exchange" 2>/dev/null; do
    if [ "$SECONDS" -gt "$deadline" ]; then kill "$exchange" 2>/dev/null || true; fi
    sleep 0.1
  done
  wait "$exchange" 2>/dev/null || true
  HTTP_STATUS=$(LC_ALL=C sed -n '1s/^HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$MCC_TMP/response")
  HTTP_STATUS=${HTTP_STATUS:-000}
  LC_ALL=C sed $'1,/^\r$/d' "$MCC_TMP/response" >"$MCC_TMP/answer"
}

ping_state() {
  http_request GET /ping
  if [ "$HTTP_STATUS" = 200 ]; then
    printf 'Ready'
  elif container_runs; then
    printf 'Loading'
  else
    printf 'Stopped'
  fi
}

# wait_for_ping SECONDS
wait_for_ping() {
  local MCC_POLL_SECONDS=${MCC_POLL_SECONDS:-2}
  wait_while Loading 'container' "$1" ping_state
  if [ "$WAIT_STATE" = Stopped ]; then
    docker logs --tail 40 "$CONTAINER" 2>&1 | printable >&2 || true
    fail 'the container ended before it could serve' 'its last log lines are above'
  fi
}

content_type_of() {
  case $1 in
    *.jsonl) printf 'application/jsonlines' ;;
    *.json) printf 'application/json' ;;
    *.csv) printf 'text/csv' ;;
    *.wav) printf 'audio/wav' ;;
    *.mp3) printf 'audio/mpeg' ;;
    *.flac) printf 'audio/flac' ;;
    *) printf 'application/octet-stream' ;;
  esac
}

# choose_payload FILE TYPE: sets PAYLOAD_FILE and PAYLOAD_TYPE; empty ones come from do/config.
PAYLOAD_FILE='' PAYLOAD_TYPE=''
choose_payload() {
  PAYLOAD_FILE=${1:-$TEST_PAYLOAD}
  PAYLOAD_TYPE=$2
  if [ -z "$PAYLOAD_TYPE" ] && [ "$PAYLOAD_FILE" = "$TEST_PAYLOAD" ]; then PAYLOAD_TYPE=$TEST_CONTENT_TYPE; fi
  if [ -z "$PAYLOAD_TYPE" ]; then PAYLOAD_TYPE=$(content_type_of "$PAYLOAD_FILE"); fi
  [ -s "$PAYLOAD_FILE" ] || fail "there is no request${PAYLOAD_FILE:+ in $PAYLOAD_FILE}" \
    "write ${PAYLOAD_FILE:-test/payload.json} and name it as TEST_PAYLOAD in do/config, or name one with --payload"
}

# check_answer FILE: something sensible came back. TEST_EXPECT is a jq condition on JSON answers, TEST_BEGINS what an
# answer that is a file has in its first 16 bytes.
check_answer() {
  [ -s "$1" ] || fail 'the answer is empty' 'see do/logs'
  if [ -n "${TEST_BEGINS:-}" ]; then
    if head -c 16 "$1" | LC_ALL=C grep -aqF -- "$TEST_BEGINS"; then
      info "the answer is a file of $(wc -c <"$1" | tr -d ' ') bytes"
      return
    fi
    head -c 1000 "$1" | printable
    fail "the answer does not begin with $TEST_BEGINS" 'see TEST_BEGINS in do/config'
  fi
  head -c 1000 "$1" | printable
  if [ -n "${TEST_EXPECT:-}" ] && jq empty "$1" >/dev/null 2>&1; then
    jq -e "$TEST_EXPECT" "$1" >/dev/null || fail "the answer does not satisfy $TEST_EXPECT" 'see TEST_EXPECT in do/config'
  fi
}

# test_local FILE CONTENT_TYPE: uses the container that runs, or starts one for the test.
test_local() {
  need_tools docker jq
  if ! container_runs; then
    stop_container
    at_exit stop_container
    start_container --detach >/dev/null
  fi
  wait_for_ping "${STARTUP_SECONDS:-900}"
  info 'GET /ping: 200'
  http_request POST /invocations "$2" "$1"
  info "POST /invocations ($2): $HTTP_STATUS"
  if [ "$HTTP_STATUS" != 200 ]; then
    head -c 1000 "$MCC_TMP/answer" | printable >&2
    docker logs --tail 20 "$CONTAINER" 2>&1 | printable >&2 || true
    fail "the container answered $HTTP_STATUS to $1"
  fi
  check_answer "$MCC_TMP/answer"
}
