{{- define "maggy.labels" -}}
app.kubernetes.io/name: maggy
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Of one actor: (dict "root" $ "actor" "driver"). To be put in braces. */}}
{{- define "maggy.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .actor }}, maggy: actor
{{- end }}

{{- define "maggy.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* As the nats chart names its service. */}}
{{- define "maggy.bus" -}}
{{- if not .Values.nats.enabled -}}
{{- range compact (splitList "," (required "bus.url: with nats.enabled=false, the address of your bus is needed" .Values.bus.url)) }}
{{- if not (regexMatch "^(tls|nats)://[^/]" (trim .)) }}{{- fail (printf "bus.url: %q is no address of a bus; one starts with tls:// or nats://" (trim .)) }}{{- end }}
{{- end }}
{{- .Values.bus.url }}
{{- else -}}
tls://{{ .Values.nats.fullnameOverride | default (contains "nats" .Release.Name | ternary .Release.Name (printf "%s-nats" .Release.Name)) }}:4222
{{- end -}}
{{- end }}

{{/*
The ports of a bus of yours, as the client reads its addresses. A service may have another port than the pods behind it: where these are
named, they are reached at the usual port, too.
*/}}
{{- define "maggy.busPorts" -}}
{{- $ports := list }}
{{- range compact (splitList "," .Values.bus.url) }}
{{- $ports = append $ports (regexFind ":[0-9]+/?$" (trim .) | trimAll ":/" | default "4222" | int) }}
{{- end }}
{{- if .Values.bus.podLabels }}{{- $ports = append $ports 4222 }}{{- end }}
{{- $rules := list }}
{{- range uniq $ports }}{{- $rules = append $rules (dict "protocol" "TCP" "port" .) }}{{- end }}
{{- toJson $rules }}
{{- end }}

{{/* What every container of an actor has. */}}
{{- define "maggy.container" -}}
image: {{ include "maggy.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "maggy.env" -}}
- { name: MAGGY_SERVER, value: {{ include "maggy.bus" .root | quote }} }
{{- if eq .root.Values.auth.kind "token" }}
- { name: MAGGY_TOKEN_FILE, value: /secrets/token }
- { name: MAGGY_TLS_CA, value: /secrets/ca.pem }
{{- else }}
- { name: MAGGY_CREDS, value: /secrets/creds }
{{- end }}
{{- end }}

{{/* The secret that an actor shows to the bus. */}}
{{- define "maggy.secrets" -}}
- name: secrets
  {{- if eq .root.Values.auth.kind "token" }}
  projected:
    defaultMode: 0440
    sources:
      - secret: { name: {{ .root.Release.Name }}-token, items: [{ key: token, path: token }] }
      - secret: { name: maggy-bus, items: [{ key: ca.pem, path: ca.pem }] }
  {{- else }}
  secret: { secretName: {{ .root.Release.Name }}-{{ .actor }}, defaultMode: 0440 }
  {{- end }}
{{- end }}

{{- define "maggy.pod" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "maggy.metricsPort" -}}
ports: [{ name: metrics, containerPort: 9100 }]
livenessProbe:
  httpGet: { path: /metrics, port: metrics }
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 6
{{- end }}
