# shellcheck shell=bash
# The endpoint: configuration, creation and update, alarms, scaling.

exists_endpoint_config() { aws_exists sagemaker describe-endpoint-config --endpoint-config-name "$1"; }
owned_endpoint_config() { sagemaker_owned "endpoint-config/$1"; }
remove_endpoint_config() { aws_delete sagemaker delete-endpoint-config --endpoint-config-name "$1"; }

exists_endpoint() { aws_exists sagemaker describe-endpoint --endpoint-name "$1"; }
owned_endpoint() { sagemaker_owned "endpoint/$1"; }
remove_endpoint() {
  # An endpoint that is being created or updated takes the deletion only when that has ended.
  if ! aws_try sagemaker delete-endpoint --endpoint-name "$1" >/dev/null && ! aws_not_found; then
    if ! grep -Eiq 'in.progress|Creating|Updating|Deleting' "$MCC_TMP/aws-error"; then
      aws_report 'sagemaker delete-endpoint'
      return 4
    fi
    wait_while "$SETTLING" "endpoint $1" 3600 endpoint_state "$1" || return $?
    aws_delete sagemaker delete-endpoint --endpoint-name "$1" || return 4
  fi
  wait_while '[^M].*' "endpoint $1" 1800 endpoint_state "$1"
}

exists_metric_alarm() {
  aws_call cloudwatch describe-alarms --alarm-names "$1" >"$MCC_TMP/found.json" || exit 4
  [ "$(jq '.MetricAlarms | length' "$MCC_TMP/found.json")" != 0 ]
}
owned_metric_alarm() {
  aws_call cloudwatch list-tags-for-resource --resource-arn "$(arn cloudwatch "alarm:$1")" >"$MCC_TMP/tags.json" || return 4
  tagged "$MCC_TMP/tags.json" '.Tags[]? | select(.Key == "mcc:project") | .Value'
}
remove_metric_alarm() { aws_delete cloudwatch delete-alarms --alarm-names "$1"; }

scalable_dimension() {
  case $1 in
    endpoint/*) printf 'sagemaker:variant:DesiredInstanceCount' ;;
    *) printf 'sagemaker:inference-component:DesiredCopyCount' ;;
  esac
}
exists_scalable_target() {
  aws_call application-autoscaling describe-scalable-targets --service-namespace sagemaker --resource-ids "$1" \
    --scalable-dimension "$(scalable_dimension "$1")" >"$MCC_TMP/found.json" || exit 4
  [ "$(jq '.ScalableTargets | length' "$MCC_TMP/found.json")" != 0 ]
}
# It is ours when what it scales has our name.
owned_scalable_target() {
  case $1 in
    endpoint/"$OWNER"/* | endpoint/"$ENDPOINT_NAME"/* | inference-component/"$OWNER") return 0 ;;
    *) return 1 ;;
  esac
}
# Takes the policies and their own alarms with it.
remove_scalable_target() {
  aws_delete application-autoscaling deregister-scalable-target --service-namespace sagemaker --resource-id "$1" \
    --scalable-dimension "$(scalable_dimension "$1")"
}

SETTLING='Creating|Updating|SystemUpdating|RollingBack|Deleting'
# Prints EndpointStatus, or Missing; the description is then in $MCC_TMP/endpoint.json.
endpoint_state() {
  if aws_try sagemaker describe-endpoint --endpoint-name "$1" >"$MCC_TMP/endpoint.json"; then
    jq -r .EndpointStatus "$MCC_TMP/endpoint.json"
  elif aws_not_found; then
    printf 'Missing'
  else
    aws_report 'sagemaker describe-endpoint'
    return 4
  fi
}
endpoint_field() { jq -r --arg field "$1" '.[$field] // ""' "$MCC_TMP/endpoint.json"; }

# How long starting may take: provisioning, and what the payloads grant the model.
startup_seconds() {
  jq -s '[.. | objects] | 2400 + (map(.ModelDataDownloadTimeoutInSeconds // 600) | max)
    + (map(.ContainerStartupHealthCheckTimeoutInSeconds // 600) | max)' deploy/*.json
}

# put_alarm NAME LABEL [ACTION_ARN]: from deploy/put-metric-alarm.LABEL.json.
put_alarm() {
  local request
  claim metric-alarm "$1" || true
  request=$(payload "put-metric-alarm.$2" .AlarmName="$1")
  if [ -n "${3:-}" ]; then request=$(payload "put-metric-alarm.$2" .AlarmName="$1" '.AlarmActions[0]'="$3"); fi
  aws_call_quiet cloudwatch put-metric-alarm --cli-input-json "file://$request"
}

# create_endpoint_config NAME MODEL: sets ENDPOINT_CONFIG. A configuration that would be the same as
# the one in service (it names no model when inference components do) is used again.
ENDPOINT_CONFIG=''
create_endpoint_config() {
  local request sum
  request=$(payload create-endpoint-config '(.ProductionVariants[] | select(has("ModelName")) | .ModelName)'="$2" \
    '(select(has("ExecutionRoleArn")) | .ExecutionRoleArn)'="$EXECUTION_ROLE")
  sum=$(cksum <"$request" | tr ' \t' '--')
  ENDPOINT_CONFIG=$(state_get endpoint-config)
  if [ -n "$ENDPOINT_CONFIG" ] && [ "$(state_get endpoint-config-sum)" = "$sum" ] &&
    state_has endpoint-config "$ENDPOINT_CONFIG"; then
    return 0
  fi
  ENDPOINT_CONFIG=$1
  if claim endpoint-config "$1"; then
    jq --arg name "$1" '.EndpointConfigName = $name' "$request" >"$request.named"
    aws_call_quiet sagemaker create-endpoint-config --cli-input-json "file://$request.named"
    info "created endpoint configuration $1"
  fi
  state_set endpoint-config "$1" endpoint-config-sum "$sum"
}

# one_endpoint: the end of the script while another endpoint or component is recorded: it would lose the model,
# the configuration and the alarms that it runs with.
one_endpoint() {
  local type name
  for type in endpoint inference-component; do
    name=$ENDPOINT_NAME
    if [ "$type" = inference-component ]; then name=$PROJECT_NAME; fi
    for id in $(state_ids "$type"); do
      if [ "$id" != "$name" ]; then
        fail "$type $id is deployed still, and would go on beside $name" 'run do/clean first, or set ENDPOINT_NAME in do/config back'
      fi
    done
  done
}

# bring_up_endpoint: create or update ENDPOINT_NAME so that it serves ENDPOINT_CONFIG.
bring_up_endpoint() {
  local limit request
  limit=$(startup_seconds)
  if exists_endpoint "$ENDPOINT_NAME" && ! state_has endpoint "$ENDPOINT_NAME"; then
    fail "endpoint $ENDPOINT_NAME exists already and was not created by this project" \
      'choose another project name, or delete it yourself if it is yours'
  fi
  wait_while "$SETTLING" "endpoint $ENDPOINT_NAME" "$limit" endpoint_state "$ENDPOINT_NAME"
  if [ "$WAIT_STATE" = Failed ] || [ "$WAIT_STATE" = OutOfService ]; then
    info "endpoint $ENDPOINT_NAME is $WAIT_STATE: replacing it"
    drop endpoint "$ENDPOINT_NAME" || exit $?
    WAIT_STATE=Missing
  fi
  if [ "$WAIT_STATE" = Missing ]; then
    state_record endpoint "$ENDPOINT_NAME"
    request=$(payload create-endpoint .EndpointName="$ENDPOINT_NAME" .EndpointConfigName="$ENDPOINT_CONFIG")
    aws_call_quiet sagemaker create-endpoint --cli-input-json "file://$request"
    info "creating endpoint $ENDPOINT_NAME"
  elif [ "$(endpoint_field EndpointConfigName)" != "$ENDPOINT_CONFIG" ]; then
    request=$(payload update-endpoint .EndpointName="$ENDPOINT_NAME" .EndpointConfigName="$ENDPOINT_CONFIG")
    aws_call_quiet sagemaker update-endpoint --cli-input-json "file://$request"
    info "updating endpoint $ENDPOINT_NAME"
    limit=$((limit + 3600))
  else
    info "endpoint $ENDPOINT_NAME serves $ENDPOINT_CONFIG"
    return 0
  fi
  wait_while "$SETTLING" "endpoint $ENDPOINT_NAME" "$limit" endpoint_state "$ENDPOINT_NAME"
  if [ "$WAIT_STATE" = InService ] && [ "$(endpoint_field EndpointConfigName)" = "$ENDPOINT_CONFIG" ]; then
    info "endpoint $ENDPOINT_NAME is in service"
    return 0
  fi
  show_log "/aws/sagemaker/Endpoints/$ENDPOINT_NAME" 30m
  printf '  %s\n' "$(endpoint_field FailureReason)" | printable >&2
  if [ "$WAIT_STATE" = InService ]; then
    fail "the update was rolled back: endpoint $ENDPOINT_NAME serves $(endpoint_field EndpointConfigName) as before" \
      'fix the cause (do/logs) and run do/deploy again'
  fi
  fail "endpoint $ENDPOINT_NAME is $WAIT_STATE" 'fix the cause (do/logs) and run do/deploy again, or do/clean'
}

# scale_endpoint: the scalable target and policies that the payloads describe; without any, what
# an earlier deployment registered is removed.
scale_endpoint() {
  local resource='' request file label policy alarms='' id
  if [ -f deploy/register-scalable-target.json ]; then
    resource=$(jq -r .ResourceId deploy/register-scalable-target.json)
    claim scalable-target "$resource" || true
    request=$(payload register-scalable-target)
    jq --slurpfile tags deploy/tags.json '.Tags = ($tags[0] | map({(.Key): .Value}) | add)' "$request" >"$request.tagged"
    aws_call_quiet application-autoscaling register-scalable-target --cli-input-json "file://$request.tagged"
    for file in deploy/put-scaling-policy.*.json; do
      label=${file#deploy/put-scaling-policy.}
      label=${label%.json}
      request=$(payload "put-scaling-policy.$label")
      policy=$(aws_call application-autoscaling put-scaling-policy --cli-input-json "file://$request")
      if [ -f "deploy/put-metric-alarm.$label.json" ]; then
        id=$(jq -r .AlarmName "deploy/put-metric-alarm.$label.json")
        put_alarm "$id" "$label" "$(printf '%s' "$policy" | jq -r .PolicyARN)"
        alarms="$alarms $id"
      fi
    done
    info "scaling of $resource is set"
  fi
  retire scalable-target "$resource"
  for id in $(state_ids metric-alarm); do
    case "$alarms $PROJECT_NAME-errors " in
      *" $id "*) ;;
      *) drop metric-alarm "$id" || exit $? ;;
    esac
  done
}
