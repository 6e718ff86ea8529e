# shellcheck shell=bash
# What the image is built from: the files that .dockerignore lets in, as one digest and as one archive.

# Never sent and never counted, whatever .dockerignore says: keys and credentials, at any depth.
SECRETS='(^|/)([.]env[^/]*|[.](git|aws|ssh|netrc|pgpass|pypirc|npmrc)|id_(rsa|dsa|ecdsa|ed25519)[^/]*|credentials|[^/]*[.](pem|key|p12|pfx))(/|$)'

# Files below the given folders or of the given names: regular ones only. Links are neither followed nor taken.
list_files() {
  find "$@" \( -name .git -o -path ./.mcc -o -path ./.venv \) -prune -o -type f -print 2>/dev/null |
    sed 's|^\./||' | LC_ALL=C sort
}

# let_in: of the paths on stdin those that .dockerignore lets in, and the Dockerfile.
let_in() {
  # shellcheck disable=SC2016  # the variables are jq's
  jq -nRr --rawfile ignore .dockerignore '
    def regex: gsub("(?<c>[.+(){}|$])"; "\\\(.c)") | gsub("(?<!\\[)\\^"; "\\^") | gsub("\\*\\*/"; "\u0001")
      | gsub("\\*\\*"; "\u0002") | gsub("\\*"; "[^/]*") | gsub("\\?"; "[^/]") | gsub("\u0001"; "(.*/)?")
      | gsub("\u0002"; ".*") | "\\A" + . + "\\z";
    [$ignore | split("\n")[] | sub("\\s+$"; "") | sub("^\\s+"; "") | select(startswith("#") | not)
      | {not: startswith("!"), form: (sub("^!\\s*"; "") | sub("^(\\./|/)+"; "") | sub("/+$"; "") | select(. != "") | regex)}] as $rules
    | inputs | . as $path | (split("/") | [range(1; length + 1) as $n | .[:$n] | join("/")]) as $folders
    | select($path == "Dockerfile" or (reduce $rules[] as $rule (true;
        if any($folders[]; test($rule.form)) then $rule.not else . end)))'
}

# context_files: what the image is built from; tells what is left out.
context_files() {
  local left
  if list_files . | grep -q '[\\[:cntrl:]]'; then
    fail 'a file has a backslash or a control character in its name' 'rename it'
  fi
  if [ ! -f .dockerignore ]; then fail 'there is no .dockerignore' 'restore it'; fi
  left=$({
    find . \( -name .git -o -path ./.mcc -o -path ./.venv \) -prune -o -type l -print | sed 's|^\./||' | let_in | sed 's/$/: a link/'
    list_files . | let_in | grep -E "$SECRETS" | sed 's/$/: it may hold a secret/'
  }) || true
  if [ -n "$left" ]; then printf '%s\n' "$left" | sed 's/^/warning: left out of the sources: /' >&2; fi
  list_files . | let_in | grep -Ev "$SECRETS"
}

if command -v sha256sum >/dev/null 2>&1; then SHA256=(sha256sum); else SHA256=(shasum -a 256); fi

# context_digest: of names, contents and whether they can be executed.
context_digest() {
  local file
  need_tools "${SHA256[0]}" find xargs
  context_files >"$MCC_TMP/context" || return 1
  {
    while IFS= read -r file; do
      if [ -x "$file" ]; then printf 'x %s\n' "$file"; else printf -- '- %s\n' "$file"; fi
    done <"$MCC_TMP/context"
    tr '\n' '\0' <"$MCC_TMP/context" | xargs -0 "${SHA256[@]}" -- || exit 1
  } >"$MCC_TMP/digests" || return 1
  "${SHA256[@]}" <"$MCC_TMP/digests" | cut -c 1-64
}

# archive_sources FILE: what context_digest has counted, and what builds it; to FILE.
archive_sources() {
  need_tools tar gzip
  {
    cat "$MCC_TMP/context"
    list_files .dockerignore buildspec.yml 'do' deploy iam | grep -Ev "$SECRETS"
  } | LC_ALL=C sort -u | sed 's|^|./|' >"$MCC_TMP/sources"
  COPYFILE_DISABLE=1 tar -czf "$1" -T "$MCC_TMP/sources" || fail 'the sources could not be packed'
}

# accelerator_of TYPE: what an instance type computes with; nothing without a type.
accelerator_of() {
  case $1 in
    '') ;;
    ml.inf[0-9]* | ml.trn[0-9]*) printf 'neuron' ;;
    ml.g[0-9]* | ml.gr[0-9]* | ml.p[0-9]*) printf 'cuda' ;;
    *) printf 'cpu' ;;
  esac
}

# platform_of TYPE: of its processors; Graviton types have a g behind the generation.
platform_of() {
  if [[ $1 =~ ^ml\.[a-z]+[0-9]+g[a-z]*\. ]]; then printf 'linux/arm64'; else printf 'linux/amd64'; fi
}

# image_fits CONTEXT PLATFORM ACCELERATOR MAKER: the end of the script unless an image with these labels is of
# the files that are here now, and for every instance type that the settings and payloads name.
image_fits() {
  local now type
  now=$(context_digest) || exit 1
  if [ -z "$1" ]; then fail 'nothing shows what the image was built from' "run $4 again"; fi
  if [ "$1" != "$now" ]; then
    fail 'the image is out of date: the files it is built from have changed since' "run $4 again"
  fi
  if [ "$2" != "$PLATFORM" ]; then fail "the image is for $2, do/config says PLATFORM=$PLATFORM" "run $4 again"; fi
  while IFS= read -r type <&5; do
    if [ -n "$type" ] && [ "$2" != "$(platform_of "$type")" ]; then
      fail "the image is for $2, $type has $(platform_of "$type")" \
        'generate again for that type (mcc generate --update --instance-type), then build again'
    fi
    if [ -n "$type" ] && [ -n "$3" ] && [ "$3" != "$(accelerator_of "$type")" ]; then
      fail "the image was built for instances with $3, $type has $(accelerator_of "$type")" \
        'generate again for that type (mcc generate --update --instance-type), then build again'
    fi
  done 5< <(printf '%s\n' "$INSTANCE_TYPE"; jq -r '.. | objects | .InstanceType? | strings' deploy/*.json)
}
