# shellcheck shell=bash
# What every script shares: settings, messages, AWS calls, payloads, bounded waits.
# Written for bash 3.2 and later, with BSD or GNU tools.
#
# Exit codes: 0 ok, 1 failed, 2 usage, 3 missing tool, 4 AWS call failed, 5 timed out.

set -euo pipefail
umask 077

# shellcheck source=/dev/null
. do/config

# Everything temporary lives in one private folder that goes when the script ends.
MCC_TMP=$(mktemp -d "${TMPDIR:-/tmp}/mcc.XXXXXX")
AT_EXIT=''
run_at_exit() {
  local status=$? action
  set +e
  for action in $AT_EXIT; do "$action"; done
  rm -rf "$MCC_TMP"
  exit "$status"
}
trap run_at_exit EXIT

# at_exit FUNCTION: also run FUNCTION when the script ends, however it ends.
at_exit() { AT_EXIT="$1 $AT_EXIT"; }

info() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
hint() { printf 'hint: %s\n' "$*" >&2; }

# fail MESSAGE [HINT]
fail() {
  printf 'error: %s\n' "$1" >&2
  if [ -n "${2:-}" ]; then hint "$2"; fi
  exit 1
}

# The comment at the top of a script is its help text.
print_help() { sed -n '2,/^$/s/^# \{0,1\}//p' "do/${SELF##*/}"; }

# printable: what others wrote, from stdin, without what steers a terminal: control characters but for
# tabs and line ends, in their longer forms as well, and marks that turn the direction of text.
printable() {
  local LC_ALL=C line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line//[$'\001'-$'\010'$'\013'-$'\037'$'\177']/}
    line=${line//$'\302'[$'\200'-$'\237']/}
    line=${line//$'\342\200'[$'\252'-$'\256']/}
    printf '%s\n' "${line//$'\342\201'[$'\246'-$'\251']/}"
  done
}

usage_error() {
  printf 'error: %s\n\n' "$1" >&2
  print_help >&2
  exit 2
}

need_tools() {
  local tool missing=''
  for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  if [ -n "$missing" ]; then
    printf 'error: not installed:%s\n' "$missing" >&2
    hint 'the scripts use bash, the AWS CLI v2, docker, jq and, for HyperPod, kubectl'
    exit 3
  fi
}

# confirm QUESTION OPTION: asks at a terminal; without one, OPTION has to be given.
confirm() {
  local answer
  if [ ! -t 0 ] || [ ! -t 2 ]; then fail 'there is no terminal to ask at: nothing was changed' "give $2"; fi
  printf '%s [y/N] ' "$1" >&2
  read -r answer || answer=n
  case $answer in
    y | Y | yes | Yes) return 0 ;;
    *) fail 'stopped: nothing was changed' ;;
  esac
}

# use_region REGION: for what follows.
use_region() { REGION=$1; }

# aws_try SERVICE OPERATION [ARG...]: JSON on stdout. Fails quietly with status 4;
# the service's message is then in $MCC_TMP/aws-error. Only throttling, and what
# AWS_RETRY_ON matches (a role that was created seconds ago), is tried again.
AWS_RETRY_ON=''
aws_retry_on() { AWS_RETRY_ON=$1; }
aws_try() {
  local attempt=1 retry='Throttl|TooManyRequests|RequestLimitExceeded|Rate exceeded|SlowDown'
  retry="$retry${AWS_RETRY_ON:+|$AWS_RETRY_ON}"
  until AWS_PAGER='' aws "$@" --region "$REGION" --output json 2>"$MCC_TMP/aws-error"; do
    if [ "$attempt" -ge 8 ] || ! grep -Eq "$retry" "$MCC_TMP/aws-error"; then return 4; fi
    sleep "${MCC_POLL_SECONDS:-$((attempt * 2))}"
    attempt=$((attempt + 1))
  done
}

# aws_call: like aws_try, but explains a failure.
aws_call() {
  aws_try "$@" && return 0
  aws_report "$1 $2"
  return 4
}

# aws_call_quiet: aws_call for answers that nobody reads.
aws_call_quiet() { aws_call "$@" >/dev/null; }

# aws_report WHAT: the service's own words about the call that failed last, and a hint.
aws_report() {
  printf 'error: aws %s failed\n' "$1" >&2
  printable <"$MCC_TMP/aws-error" | sed -e '/^[[:space:]]*$/d' -e 's/^/  /' >&2
  case $(cat "$MCC_TMP/aws-error") in
    *ExpiredToken* | *'token has expired'* | *'Token has expired'* | *RequestExpired*)
      hint 'the credentials have expired: sign in again (aws sso login) and run the same command once more' ;;
    *'locate credentials'* | *UnrecognizedClient* | *InvalidClientTokenId* | *'could not be found'*)
      hint 'set AWS_PROFILE, or sign in with the AWS CLI' ;;
    *AccessDenied* | *'not authorized'* | *UnauthorizedOperation* | *'(403)'*)
      hint "the caller lacks this permission for $1; compare with 'aws sts get-caller-identity'" ;;
    *ResourceLimitExceeded* | *LimitExceeded* | *'service limit'*)
      hint "request a higher quota for $REGION in Service Quotas, or choose another instance type" ;;
    *InsufficientInstanceCapacity* | *'insufficient capacity'*)
      hint 'AWS has no such instance free: try later, another instance type, region, or a capacity reservation' ;;
    *'ssume role'* | *AssumeRole*)
      hint 'the role must trust the service (see iam/*-trust.json) and may take a minute to exist everywhere' ;;
    *ModelError*)
      hint 'the container answered with an error: see do/logs' ;;
    *Throttl* | *'Rate exceeded'*)
      hint 'AWS is throttling this account: run the same command again, it continues where it stopped' ;;
    *'Could not connect'* | *EndpointConnectionError* | *'timed out'*)
      hint "no answer from AWS: check the network and that $REGION is right" ;;
    *)
      hint 'after fixing the cause run the same command again: it continues where it stopped' ;;
  esac
}

# aws_answer: operation, error code and text of what the service answered to the call that failed last;
# nothing when no service answered. Only the first code on the line is the service's own.
aws_answer() {
  sed -n '/An error occurred (/{
    s/ (reached max retries: [0-9]*): /: /
    s/^[^(]*An error occurred (\([A-Za-z0-9.]*\)) when calling the \([A-Za-z0-9]*\) operation: */\2 \1 /p
    q
  }' "$MCC_TMP/aws-error"
}
aws_code() { aws_answer | cut -d ' ' -f 2; }

# Did the last failed call fail because the thing is not there? By the operation's own code for that, which
# in SageMaker is the same for all that it refuses: there the beginning of the text decides as well.
aws_not_found() {
  aws_answer | grep -Eq \
    -e '^(Describe|Delete)(Model|Endpoint|EndpointConfig|InferenceComponent) ValidationException Could not find ' \
    -e '^(Describe|Stop)TransformJob (ValidationException Could not find |ResourceNotFound )' \
    -e '^DescribeCluster (ValidationException Could not find |ResourceNotFound |ResourceNotFoundException )' \
    -e '^(Describe|Delete)Repositor(y|ies) RepositoryNotFoundException ' \
    -e '^(DescribeImages|BatchDeleteImage) (Repository|Image)NotFoundException ' \
    -e '^(GetRole|ListRolePolicies|DeleteRolePolicy|DeleteRole) NoSuchEntity ' \
    -e '^Head(Bucket|Object) (404|NoSuchBucket|NoSuchKey) ' \
    -e '^(ListObjectsV2|DeleteObjects?|DeleteBucket) NoSuchBucket ' \
    -e '^DeleteAlarms ResourceNotFound(Exception)? ' \
    -e '^DeregisterScalableTarget ObjectNotFoundException ' \
    -e '^(StopBuild|FilterLogEvents|GetLogEvents) ResourceNotFoundException '
}

# aws_exists SERVICE OPERATION [ARG...]: 0 there, 1 not there; anything else ends the script.
# The answer is kept in $MCC_TMP/found.json.
aws_exists() {
  if aws_try "$@" >"$MCC_TMP/found.json"; then return 0; fi
  if aws_not_found; then return 1; fi
  aws_report "$1 $2"
  exit 4
}

# aws_delete SERVICE OPERATION [ARG...]: already gone is as good as deleted.
aws_delete() {
  if aws_try "$@" >/dev/null || aws_not_found; then return 0; fi
  aws_report "$1 $2"
  return 4
}

# Sets ACCOUNT_ID; the first call of a script, so that bad credentials show at once.
ACCOUNT_ID=''
aws_identity() {
  need_tools aws jq
  if [ -n "$ACCOUNT_ID" ]; then return 0; fi
  local identity
  identity=$(aws_call sts get-caller-identity) || return 4
  ACCOUNT_ID=$(printf '%s' "$identity" | sed -n 's/.*"Account": *"\([0-9]*\)".*/\1/p')
  [ -n "$ACCOUNT_ID" ] || fail 'aws sts get-caller-identity names no account'
}

# with_account FILE: FILE with the account in place of 000000000000.
with_account() { jq --arg account "$ACCOUNT_ID" '(.. | strings) |= gsub("000000000000"; $account)' "$1"; }

# payload NAME [PATH=VALUE...]: prints the path of a private copy of deploy/NAME.json, with the
# account filled in and the strings at the jq paths set.
payload() {
  local name=$1 filter='.' setting count=$# i=1
  shift
  for setting in "$@"; do
    filter="$filter | ${setting%%=*} = \$value$i"
    set -- "$@" --arg "value$i" "${setting#*=}"
    i=$((i + 1))
  done
  shift $((count - 1))
  with_account "deploy/$name.json" | jq "$@" "$filter" >"$MCC_TMP/$name.json" || return 1
  printf '%s' "$MCC_TMP/$name.json"
}

# wait_while STATES LABEL SECONDS COMMAND [ARG...]: run COMMAND, which prints a state, until
# the state is not one of STATES (an extended regular expression). Sets WAIT_STATE. Status 5 when
# the time is over, the command's own when it fails. WAIT_REASON names a function that tells what is
# waited for and never fails; it is called once a minute and when the time is over.
WAIT_STATE=''
WAIT_REASON=true
wait_while() {
  local states=$1 label=$2 limit=${MCC_TIMEOUT_SECONDS:-$3} started=$SECONDS shown='' reported=0
  shift 3
  while :; do
    WAIT_STATE=$("$@") || return $?
    if ! [[ $WAIT_STATE =~ ^($states)$ ]]; then return 0; fi
    if [ "$WAIT_STATE" != "$shown" ] || [ $((SECONDS - reported)) -ge 60 ]; then
      info "  $label: $WAIT_STATE ($((SECONDS - started)) s)"
      if [ "$WAIT_STATE" = "$shown" ]; then "$WAIT_REASON"; fi
      shown=$WAIT_STATE
      reported=$SECONDS
    fi
    if [ $((SECONDS - started)) -ge "$limit" ]; then
      printf 'error: %s is still %s after %s s\n' "$label" "$WAIT_STATE" "$limit" >&2
      "$WAIT_REASON"
      hint 'it goes on in AWS: run the same command again to keep waiting, or do/clean to give up'
      return 5
    fi
    sleep "${MCC_POLL_SECONDS:-15}"
  done
}

utc_stamp() { date -u +%Y%m%d%H%M%S; }
utc_now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# short_name LENGTH: the project's name, cut so that a suffix fits, never ending in a hyphen.
short_name() {
  local name=${PROJECT_NAME:0:$1}
  while [ "${name%-}" != "$name" ]; do name=${name%-}; done
  printf '%s' "$name"
}
