{{/* The name of everything: the release's, unless that is the chart's already. */}}
{{- define "carillon.name" -}}
{{- if contains "carillon" .Release.Name }}{{ .Release.Name | trunc 55 | trimSuffix "-" }}{{ else }}{{ printf "%s-carillon" .Release.Name | trunc 55 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "carillon.selector" -}}
app.kubernetes.io/name: carillon
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "carillon.labels" -}}
{{ include "carillon.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* All that a pod may need between SIGTERM and its end, in seconds. */}}
{{- define "carillon.grace" -}}
{{- with .Values.drain -}}
{{ add (div (add .delayMs .windowMs .timeoutMs 999) 1000) .graceSeconds }}
{{- end }}
{{- end }}

{{/* What fits together, and what does not. */}}
{{- define "carillon.check" -}}
{{- $most := .Values.replicas }}
{{- if .Values.autoscaling.enabled }}{{ $most = .Values.autoscaling.maxReplicas }}{{ end }}
{{- if and (gt (int $most) 1) (not .Values.bus) }}
{{- fail "More than one replica needs a bus that all share: give bus, such as redis://redis:6379. With the bus inside of the process a publication reaches the clients of one pod only." }}
{{- end }}
{{- range $name, $_ := .Values.options }}
{{- if has $name (list "config" "client_listen" "control_listen" "bus_listen" "bus" "allowed_origins" "drain_delay_ms" "drain_window_ms" "shutdown_timeout_ms" "log_format") }}
{{- fail (printf "options.%s: the chart sets it itself; see its values." $name) }}
{{- end }}
{{- end }}
{{- end }}
