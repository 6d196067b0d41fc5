{{- define "stack.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $release := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $release .Values.fullnameOverride | trunc 26 | trimSuffix "-" -}}
{{- end -}}

{{- define "stack.prometheus" -}}
{{ include "stack.fullname" . }}{{ if not .Values.cleanPrometheusOperatorObjectNames }}-prometheus{{ end }}
{{- end -}}

{{- define "stack.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
release: {{ .Release.Name | quote }}
{{- end -}}

{{- define "stack.image" -}}
{{ .image.registry }}/{{ .image.repository }}:{{ .image.tag | default .app }}
{{- end -}}
