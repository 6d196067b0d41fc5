{{/*
A map of flags as a YAML list; an empty value gives the bare flag. Helm reads numbers as floats: whole ones are written
out, because 1e+06 is no number to most flags.
*/}}
{{- define "prometheus.flags" -}}
{{- $flags := list -}}
{{- range $flag, $value := . -}}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) -}}
{{- $value = int64 $value -}}
{{- end -}}
{{- if or (kindIs "invalid" $value) (eq "" (toString $value)) -}}
{{- $flags = append $flags (printf "--%s" $flag) -}}
{{- else -}}
{{- $flags = append $flags (printf "--%s=%v" $flag $value) -}}
{{- end -}}
{{- end -}}
{{- toYaml $flags -}}
{{- end -}}

{{/* Flags of the server, as a YAML list. */}}
{{- define "prometheus.server.args" -}}
{{- with .Values.server -}}
{{- if .defaultFlagsOverride }}
{{- toYaml .defaultFlagsOverride }}
{{- else }}
{{- if .retention }}
- --storage.tsdb.retention.time={{ .retention }}
{{- end }}
{{- if .retentionSize }}
- --storage.tsdb.retention.size={{ .retentionSize }}
{{- end }}
- --config.file={{ .configPath }}
- --storage.tsdb.path={{ default .persistentVolume.mountPath .storagePath }}
- --web.console.libraries=/etc/prometheus/console_libraries
- --web.console.templates=/etc/prometheus/consoles
{{- range .extraFlags }}
- --{{ . }}
{{- end }}
{{- with .extraArgs }}
{{ include "prometheus.flags" . }}
{{- end }}
{{- if .prefixURL }}
- --web.route-prefix={{ .prefixURL }}
{{- end }}
{{- if .baseURL }}
- --web.external-url={{ tpl .baseURL $ }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The reloader: it watches /etc/config and posts to the server when a file changes. */}}
{{- define "prometheus.reloader" -}}
{{- $reload := .Values.configmapReload.prometheus -}}
{{- $url := printf "http://127.0.0.1:9090%s/-/reload" (trimSuffix "/" (default "" .Values.server.prefixURL)) -}}
- name: {{ include "prometheus.name" . }}-{{ .Values.server.name }}-{{ $reload.name }}
  image: {{ include "prometheus.image" (dict "image" $reload.image "tag" "") | quote }}
  imagePullPolicy: {{ $reload.image.pullPolicy }}
  {{- with $reload.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  args:
    - --watched-dir=/etc/config
    - --reload-url={{ default $url .Values.configmapReload.reloadUrl }}
    {{- with $reload.extraArgs }}
    {{- include "prometheus.flags" . | nindent 4 }}
    {{- end }}
    {{- range $reload.extraVolumeDirs }}
    - --watched-dir={{ . }}
    {{- end }}
  {{- with .Values.configmapReload.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $reload.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: config-volume
      mountPath: /etc/config
      readOnly: true
    {{- with $reload.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The server's container. */}}
{{- define "prometheus.server.container" -}}
{{- with .Values.server -}}
- name: {{ include "prometheus.name" $ }}-{{ .name }}
  image: {{ include "prometheus.image" (dict "image" .image "tag" $.Chart.AppVersion) | quote }}
  imagePullPolicy: {{ .image.pullPolicy }}
  {{- with .containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  args:
    {{- include "prometheus.server.args" $ | trim | nindent 4 }}
  {{- with .env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  ports:
    - containerPort: 9090
  readinessProbe:
    httpGet:
      path: {{ trimSuffix "/" (default "" .prefixURL) }}/-/ready
      port: 9090
    initialDelaySeconds: {{ .readinessProbeInitialDelay }}
    periodSeconds: {{ .readinessProbePeriodSeconds }}
    timeoutSeconds: {{ .readinessProbeTimeout }}
    failureThreshold: {{ .readinessProbeFailureThreshold }}
    successThreshold: {{ .readinessProbeSuccessThreshold }}
  livenessProbe:
    httpGet:
      path: {{ trimSuffix "/" (default "" .prefixURL) }}/-/healthy
      port: 9090
    initialDelaySeconds: {{ .livenessProbeInitialDelay }}
    periodSeconds: {{ .livenessProbePeriodSeconds }}
    timeoutSeconds: {{ .livenessProbeTimeout }}
    failureThreshold: {{ .livenessProbeFailureThreshold }}
    successThreshold: {{ .livenessProbeSuccessThreshold }}
  {{- if .startupProbe.enabled }}
  startupProbe:
    httpGet:
      path: {{ trimSuffix "/" (default "" .prefixURL) }}/-/healthy
      port: 9090
    periodSeconds: {{ .startupProbe.periodSeconds }}
    timeoutSeconds: {{ .startupProbe.timeoutSeconds }}
    failureThreshold: {{ .startupProbe.failureThreshold }}
  {{- end }}
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: config-volume
      mountPath: /etc/config
    - name: {{ include "prometheus.server.volumeName" $ }}
      mountPath: {{ .persistentVolume.mountPath }}
      {{- with .persistentVolume.subPath }}
      subPath: {{ . | quote }}
      {{- end }}
    {{- range .extraConfigmapMounts }}
    - name: {{ .name }}
      mountPath: {{ .mountPath }}
      {{- with .subPath }}
      subPath: {{ . | quote }}
      {{- end }}
      readOnly: {{ default false .readOnly }}
    {{- end }}
    {{- with .extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* The volumes, but for the one that a StatefulSet's claim template brings. */}}
{{- define "prometheus.server.volumes" -}}
{{- with .Values.server -}}
- name: config-volume
  configMap:
    name: {{ include "prometheus.server.configMapName" $ }}
{{- if not .persistentVolume.enabled }}
- name: {{ include "prometheus.server.volumeName" $ }}
  {{- if .emptyDir.sizeLimit }}
  emptyDir:
    sizeLimit: {{ .emptyDir.sizeLimit }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- else if not .statefulSet.enabled }}
- name: {{ include "prometheus.server.volumeName" $ }}
  persistentVolumeClaim:
    claimName: {{ default (include "prometheus.server.fullname" $) .persistentVolume.existingClaim }}
{{- end }}
{{- range .extraConfigmapMounts }}
- name: {{ .name }}
  configMap:
    name: {{ .configMap }}
{{- end }}
{{- with .extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The pod, the same for a Deployment and a StatefulSet. */}}
{{- define "prometheus.server.podTemplate" -}}
{{- with .Values.server -}}
metadata:
  labels:
    {{- include "prometheus.server.labels" $ | nindent 4 }}
    {{- with .podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "prometheus.server.serviceAccountName" $ }}
  {{- with .priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    {{- if $.Values.configmapReload.prometheus.enabled }}
    {{- include "prometheus.reloader" $ | nindent 4 }}
    {{- end }}
    {{- include "prometheus.server.container" $ | nindent 4 }}
    {{- range $name, $container := .sidecarContainers }}
    - name: {{ $name }}
      {{- toYaml $container | nindent 6 }}
    {{- end }}
  {{- if .hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- else }}
  dnsPolicy: {{ .dnsPolicy }}
  {{- end }}
  {{- with .securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .terminationGracePeriodSeconds }}
  volumes:
    {{- include "prometheus.server.volumes" $ | nindent 4 }}
{{- end }}
{{- end -}}

{{/* Spec of the claim for the data, for a PVC and for a StatefulSet's claim template. */}}
{{- define "prometheus.server.claimSpec" -}}
{{- with .Values.server.persistentVolume -}}
accessModes:
  {{- toYaml .accessModes | nindent 2 }}
{{- if eq "-" (default "" .storageClass) }}
storageClassName: ""
{{- else if .storageClass }}
storageClassName: {{ .storageClass | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size | quote }}
{{- with .selector }}
selector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .volumeName }}
volumeName: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}
