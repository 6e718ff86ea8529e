# shellcheck shell=bash
# The cluster: reaching it, the objects that this project has on it, and how the pods are.

# connect CLUSTER: a kubeconfig of our own for the EKS cluster under the HyperPod cluster CLUSTER.
# 1 when there is no such cluster, 4 when AWS refuses.
KUBE_CONFIG='' CONNECTED=''
connect() {
  local arn
  if [ "$CONNECTED" = "$REGION $1" ]; then return 0; fi
  need_tools kubectl
  KUBE_CONFIG="$MCC_TMP/kubeconfig"
  if aws_try sagemaker describe-cluster --cluster-name "$1" >"$MCC_TMP/cluster.json"; then
    arn=$(jq -r '.Orchestrator.Eks.ClusterArn // ""' "$MCC_TMP/cluster.json")
    [ -n "$arn" ] || fail "HyperPod cluster $1 is not orchestrated by EKS" 'choose another: HYPERPOD_CLUSTER in do/config'
    if aws_try eks update-kubeconfig --name "${arn##*/}" --kubeconfig "$KUBE_CONFIG" >/dev/null; then
      CONNECTED="$REGION $1"
      return 0
    fi
    aws_not_found || aws_report 'eks update-kubeconfig'
  else
    aws_not_found || aws_report 'sagemaker describe-cluster'
  fi
  if aws_not_found; then return 1; fi
  return 4
}

# connect_here: to the project's own cluster and namespace, or the end of the script.
KUBE_NAMESPACE=''
connect_here() {
  local status=0
  KUBE_NAMESPACE=$NAMESPACE
  connect "$HYPERPOD_CLUSTER" || status=$?
  if [ "$status" = 1 ]; then
    fail "there is no HyperPod cluster $HYPERPOD_CLUSTER in $REGION" 'see HYPERPOD_CLUSTER and REGION in do/config'
  fi
  if [ "$status" != 0 ]; then exit "$status"; fi
}

# kube ARG...: what goes wrong is in $MCC_TMP/kube-error.
kube() { kubectl --kubeconfig "$KUBE_CONFIG" --namespace "$KUBE_NAMESPACE" "$@" 2>"$MCC_TMP/kube-error"; }

# kube_call ARG...: kube, but explains a failure.
kube_call() {
  kube "$@" && return 0
  kube_report "$1"
  return 1
}
kube_report() {
  printf 'error: kubectl %s failed\n' "$1" >&2
  printable <"$MCC_TMP/kube-error" | sed -e '/^[[:space:]]*$/d' -e 's/^/  /' >&2
  case $(cat "$MCC_TMP/kube-error") in
    *'no matches for kind "InferenceEndpointConfig"'*)
      hint "the cluster lacks HyperPod's inference operator: install it, or generate with --hyperpod-manifest deployment" ;;
    *'no matches for kind'*)
      hint 'the cluster does not know this kind of object: its controller is not installed' ;;
    *Forbidden* | *forbidden* | *Unauthorized* | *'must be logged in'*)
      hint 'the caller needs an access entry on the EKS cluster with rights in this namespace' ;;
    *'Unable to connect'* | *'i/o timeout'* | *'no such host'*)
      hint 'no answer from the cluster: is its API reachable from here, and are the credentials valid?' ;;
    *)
      hint 'after fixing the cause run the same command again: it continues where it stopped' ;;
  esac
}

# Did kubectl fail for nothing but a kind of object that the cluster does not know?
no_such_kind() {
  [ "$(grep -c '[^[:space:]]' "$MCC_TMP/kube-error")" = 1 ] &&
    grep -q "^error: the server doesn't have a resource type " "$MCC_TMP/kube-error"
}

# kube_find KIND/NAME: the object as JSON, nothing when it is not there.
kube_find() {
  if kube get "$1" --ignore-not-found --output json; then return 0; fi
  if no_such_kind; then return 0; fi
  kube_report "get $1"
  return 1
}

# Objects are recorded as KIND/NAME@NAMESPACE@CLUSTER: settings may change, what was made stays.
kube_id() { printf '%s@%s@%s' "$1" "$NAMESPACE" "$HYPERPOD_CLUSTER"; }

# reach ID: connects to the object's cluster and sets OBJECT; 1 when the cluster is gone.
OBJECT=''
reach() {
  local place=${1#*@}
  OBJECT=${1%%@*}
  KUBE_NAMESPACE=${place%%@*}
  connect "${place#*@}"
}

exists_kube_object() {
  local status=0
  reach "$1" || status=$?
  if [ "$status" = 1 ]; then return 1; fi
  if [ "$status" != 0 ]; then exit "$status"; fi
  kube_find "$OBJECT" >"$MCC_TMP/found.json" || exit 4
  [ -s "$MCC_TMP/found.json" ]
}

owned_kube_object() { tagged "$MCC_TMP/found.json" '.metadata.annotations["mcc/project"]? // ""'; }
remove_kube_object() {
  local status=0 cascade=background
  reach "$1" || status=$?
  if [ "$status" = 1 ]; then return 0; fi
  if [ "$status" != 0 ]; then return "$status"; fi
  if [ "${OBJECT%%/*}" = namespace ]; then
    namespace_is_used || status=$?
    if [ "$status" = 0 ]; then
      info "  kept $OBJECT: others use it"
      return 0
    fi
    if [ "$status" != 1 ]; then return 1; fi
  fi
  # Not before its pods are gone: they hold accelerators, and the namespace would look used.
  case $OBJECT in deployment/* | inferenceendpointconfig/*) cascade=foreground ;; esac
  if kube delete "$OBJECT" --ignore-not-found "--cascade=$cascade" --timeout=900s >/dev/null; then return 0; fi
  if no_such_kind; then return 0; fi
  kube_report "delete $OBJECT"
  if grep -q 'timed out' "$MCC_TMP/kube-error"; then return 5; fi
  return 1
}

# Is there anything in the namespace that stays when its last objects of ours are gone? 0 yes, 1 no, 2 unknown.
namespace_is_used() {
  local left
  kube_call get deployments,statefulsets,daemonsets,jobs,cronjobs,services,configmaps,serviceaccounts,persistentvolumeclaims,secrets,pods \
    --output json >"$MCC_TMP/left.json" || return 2
  # Every namespace has a service account, on older clusters with its token, and the cluster's certificate.
  left=$(jq '[.items[] | select(.metadata.deletionTimestamp == null and
    (.type? == "kubernetes.io/service-account-token" or ([.kind, .metadata.name]
      | . == ["ServiceAccount", "default"] or . == ["ConfigMap", "kube-root-ca.crt"]) | not))] | length' \
    "$MCC_TMP/left.json") || return 2
  [ "$left" != 0 ]
}

# ensure_namespace: one that is there is used as it is; only a new one is ours to delete.
ensure_namespace() {
  local id
  id=$(kube_id "namespace/$NAMESPACE")
  if exists_kube_object "$id"; then return 0; fi
  state_record kube-object "$id"
  jq -n --arg name "$NAMESPACE" --arg project "$PROJECT_NAME" '{apiVersion: "v1", kind: "Namespace",
    metadata: {$name, annotations: {"mcc/project": $project}}}' | kube_call create --filename - >/dev/null
  info "created namespace $NAMESPACE"
}

# write_secret: the Hugging Face token of HF_TOKEN_ARN as a manifest, through files and never a command line.
write_secret() {
  local REGION
  REGION=$(printf '%s' "$HF_TOKEN_ARN" | cut -d : -f 4)
  aws_call secretsmanager get-secret-value --secret-id "$HF_TOKEN_ARN" >"$MCC_TMP/secret.json"
  jq -e --arg name "$KUBE_NAME-hf" --arg namespace "$NAMESPACE" --arg project "$PROJECT_NAME" '
    .SecretString // "" | (fromjson? | objects | .HF_TOKEN // .hf_token // .HUGGING_FACE_HUB_TOKEN // .token // "") // .
    | sub("^\\s+"; "") | sub("\\s+$"; "") | select(. != "")
    | {apiVersion: "v1", kind: "Secret", metadata: {name: $name, namespace: $namespace, annotations: {"mcc/project": $project}}, type: "Opaque",
       data: {token: @base64}}' "$MCC_TMP/secret.json" ||
    fail "the secret $HF_TOKEN_ARN holds no token" 'store the token itself, or JSON with HF_TOKEN'
}

# write_manifests: what k8s/*.yaml describes, as JSON documents in the order of creation, with the
# account, the namespace and the pushed image filled in. kubectl reads the YAML; no cluster is asked.
write_manifests() {
  local file
  if [ -n "$FSX_VOLUME" ]; then
    aws_call fsx describe-file-systems --file-system-ids "$FSX_VOLUME" >"$MCC_TMP/fsx.json"
  else
    printf '{}' >"$MCC_TMP/fsx.json"
  fi
  if [ -n "$HF_TOKEN_ARN" ]; then write_secret >"$MCC_TMP/objects.json"; else : >"$MCC_TMP/objects.json"; fi
  for file in k8s/*.yaml; do
    kubectl annotate --local --filename "$file" "mcc/project=$PROJECT_NAME" --output json 2>"$MCC_TMP/kube-error" \
      >>"$MCC_TMP/objects.json" || { kube_report "annotate --local --filename $file" && exit 1; }
  done
  jq -s --arg account "$ACCOUNT_ID" --arg image "$IMAGE" --arg namespace "$NAMESPACE" --slurpfile fsx "$MCC_TMP/fsx.json" '
    ["PersistentVolume", "PersistentVolumeClaim", "Secret", "ConfigMap", "Service"] as $first
    | ($fsx[0].FileSystems[0] // null) as $disk
    | map((.. | objects | select(.image? | strings | startswith("000000000000.dkr.ecr."))) |= (.image = "pushed")
      | (.. | strings) |= gsub("000000000000"; $account)
      | (.. | objects | select(.image? == "pushed")) |= (.image = $image)
      | if .metadata.namespace then .metadata.namespace = $namespace else . end
      | if .spec.claimRef? then .spec.claimRef.namespace = $namespace else . end
      | if $disk != null and (.spec.csi.driver? == "fsx.csi.aws.com") then
          .spec.csi.volumeAttributes = {dnsname: $disk.DNSName, mountname: $disk.LustreConfiguration.MountName}
        else . end)
    | sort_by(.kind as $kind | $first | index($kind) // length)[]' "$MCC_TMP/objects.json" >"$MCC_TMP/manifests.json"
}

# objects: KIND/NAME of every manifest, in their order.
objects() { jq -r '"\(.kind | ascii_downcase)/\(.metadata.name)"' "$MCC_TMP/manifests.json"; }

# retire_objects here | elsewhere: deletes what earlier deployments made and the manifests name no
# more, in this namespace or in others.
retire_objects() {
  local id
  for id in $(state_read | jq -r '.resources | reverse[] | select(.type == "kube-object") | .id'); do
    case ${id#*@} in
      "$NAMESPACE@$HYPERPOD_CLUSTER") [ "$1" = here ] || continue ;;
      *) [ "$1" = elsewhere ] || continue ;;
    esac
    case "$(objects | tr '\n' ' ')namespace/$NAMESPACE " in
      *"${id%%@*} "*) if [ "$1" = here ]; then continue; fi ;;
    esac
    drop kube-object "$id" || exit $?
  done
  KUBE_NAMESPACE=$NAMESPACE
}

# workload_state: prints Missing, Pending, Rolling, Ready or Failed. With IMAGE set, pods with
# another image are not ready. What was found is in $MCC_TMP/deployment.json and endpoint.json.
workload_state() {
  local name=$KUBE_NAME operator=''
  printf '{}' >"$MCC_TMP/endpoint.json"
  if [ -f k8s/inference-endpoint.yaml ]; then
    kube_find "inferenceendpointconfig/$KUBE_NAME" >"$MCC_TMP/endpoint.json" || return 1
    if [ ! -s "$MCC_TMP/endpoint.json" ]; then
      printf 'Missing'
      return 0
    fi
    name=$(jq -r '.status.deploymentStatus.name // .metadata.name' "$MCC_TMP/endpoint.json")
    operator=$(jq -r '.status.state // "DeploymentPending"' "$MCC_TMP/endpoint.json")
  fi
  kube_find "deployment/$name" >"$MCC_TMP/deployment.json" || return 1
  if [ ! -s "$MCC_TMP/deployment.json" ]; then
    case $operator in
      '') printf 'Missing' ;;
      DeploymentFailed) printf 'Failed' ;;
      *) printf 'Pending' ;;
    esac
    return 0
  fi
  jq -r --arg image "$IMAGE" --arg operator "$operator" '
    (.spec.replicas // 1) as $wanted | (.status // {}) as $now
    | if $image != "" and (any(.spec.template.spec.containers[]; .image == $image) | not) then "Pending"
      elif ($now.observedGeneration // 0) < (.metadata.generation // 0) then "Pending"
      elif $operator == "DeploymentFailed" or
        any($now.conditions[]?; .type == "Progressing" and .reason == "ProgressDeadlineExceeded") then "Failed"
      elif ($now.updatedReplicas // 0) >= $wanted and ($now.availableReplicas // 0) >= $wanted and
        ($now.replicas // 0) <= $wanted then "Ready"
      else "Rolling" end' "$MCC_TMP/deployment.json"
}

# deployment_name, pod_selector: of the deployment that workload_state has found.
deployment_name() { jq -r '.metadata.name // ""' "$MCC_TMP/deployment.json"; }
pod_selector() {
  jq -r '.spec.selector.matchLabels | to_entries | map("\(.key)=\(.value)") | join(",")' "$MCC_TMP/deployment.json"
}

# pods: one JSON object a pod, with the reason why it is not ready.
pods() {
  kube_call get pods --selector "$(pod_selector)" --output json >"$MCC_TMP/pods.json" || return 1
  jq -c '.items[] | (.status.containerStatuses // []) as $c | {name: .metadata.name, phase: .status.phase,
    node: .spec.nodeName, ready: ($c != [] and all($c[]; .ready)), restarts: ([$c[].restartCount // 0] | add // 0),
    reason: ([$c[].state.waiting // empty, (.status.conditions[]? | select(.status == "False"))
      | [.reason, .message] | map(select(. != null)) | join(": ")] | map(select(. != "")) | first)}
    | with_entries(select(.value != null))' "$MCC_TMP/pods.json"
}

# tell_pods FILTER: those pods that FILTER, of jq, leaves over, and why they are not ready; never fails.
tell_pods() {
  pods | jq -r "$1"' | "  \(.name)  \(.phase)  restarts \(.restarts)  \(.reason // "")"' | printable >&2 || true
}

# waiting_pods: for a roll-out that takes long.
waiting_pods() {
  if [ -s "$MCC_TMP/deployment.json" ]; then tell_pods 'select(.ready | not)'; fi
}

# explain_pods: for a roll-out that failed; never fails itself.
explain_pods() {
  if [ ! -s "$MCC_TMP/deployment.json" ]; then
    jq -r '.status.deploymentStatus.message // .status.message // empty | "  \(.)"' "$MCC_TMP/endpoint.json" | printable >&2 || true
    return 0
  fi
  tell_pods .
  if kube logs --selector "$(pod_selector)" --all-containers --tail 25 >"$MCC_TMP/log" && [ -s "$MCC_TMP/log" ]; then
    info 'the last lines of the pods:'
    tail -n 25 "$MCC_TMP/log" | printable >&2
  fi
}

# forward_port: sets PORT to a port on this machine that leads to one of the pods.
FORWARD=''
forward_port() {
  local waited=0
  kubectl --kubeconfig "$KUBE_CONFIG" --namespace "$KUBE_NAMESPACE" port-forward "deployment/$(deployment_name)" \
    ":$CONTAINER_PORT" >"$MCC_TMP/forward" 2>"$MCC_TMP/kube-error" &
  FORWARD=$!
  at_exit stop_forward
  until grep -q 'Forwarding from 127' "$MCC_TMP/forward"; do
    waited=$((waited + 1))
    if ! kill -0 "$FORWARD" 2>/dev/null || [ "$waited" -gt 150 ]; then
      kube_report port-forward
      exit 1
    fi
    sleep 0.2
  done
  # shellcheck disable=SC2034  # do/test reads it
  PORT=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$MCC_TMP/forward" | head -n 1)
}
stop_forward() {
  kill "$FORWARD" 2>/dev/null
  wait "$FORWARD" 2>/dev/null
}
