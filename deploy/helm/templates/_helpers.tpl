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
{{ required "bus.url: with nats.enabled=false, the address of your bus is needed" .Values.bus.url }}
{{- else -}}
tls://{{ .Values.nats.fullnameOverride | default (contains "nats" .Release.Name | ternary .Release.Name (printf "%s-nats" .Release.Name)) }}:4222
{{- end -}}
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
