{{- define "prometheus.server.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name }}-server
{{- else -}}
{{ .Release.Name }}-{{ .Chart.Name }}-server
{{- end -}}
{{- end -}}

{{- define "prometheus.matchLabels" -}}
component: {{ .component }}
app: {{ .root.Chart.Name }}
release: {{ .root.Release.Name }}
{{- end -}}

{{- define "prometheus.labels" -}}
{{ include "prometheus.matchLabels" . }}
chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
heritage: {{ .root.Release.Service }}
{{- end -}}
