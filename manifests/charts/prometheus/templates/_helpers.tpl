{{/* Name that objects and containers are built from. */}}
{{- define "prometheus.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Full name of a part. Arguments: root, name; the release's name alone stands for a name that it contains. */}}
{{- define "prometheus.prefix" -}}
{{- if contains .name .root.Release.Name -}}
{{- .root.Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .root.Release.Name .name -}}
{{- end -}}
{{- end -}}

{{- define "prometheus.server.fullname" -}}
{{- if .Values.server.fullnameOverride -}}
{{- .Values.server.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $prefix := include "prometheus.prefix" (dict "root" . "name" (default .Chart.Name .Values.nameOverride)) -}}
{{- printf "%s-%s" $prefix .Values.server.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "prometheus.server.clusterRoleName" -}}
{{- default (include "prometheus.server.fullname" .) .Values.server.clusterRoleNameOverride -}}
{{- end -}}

{{- define "prometheus.server.serviceAccountName" -}}
{{- $account := .Values.serviceAccounts.server -}}
{{- default (ternary (include "prometheus.server.fullname" .) "default" $account.create) $account.name -}}
{{- end -}}

{{- define "prometheus.server.configMapName" -}}
{{- if .Values.server.configMapOverrideName -}}
{{- printf "%s-%s" .Release.Name .Values.server.configMapOverrideName -}}
{{- else -}}
{{- include "prometheus.server.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* Name of the volume with the data, in the pod and in the StatefulSet's claim template. */}}
{{- define "prometheus.server.volumeName" -}}
{{- $own := .Values.server.persistentVolume.statefulSetNameOverride -}}
{{- if and .Values.server.statefulSet.enabled .Values.server.persistentVolume.enabled $own -}}
{{- $own -}}
{{- else -}}
storage-volume
{{- end -}}
{{- end -}}

{{- define "kube-state-metrics.fullname" -}}
{{- include "prometheus.prefix" (dict "root" . "name" "kube-state-metrics") | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "prometheus-node-exporter.fullname" -}}
{{- include "prometheus.prefix" (dict "root" . "name" "prometheus-node-exporter") | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that select the server's pods; they never change for a release. */}}
{{- define "prometheus.server.matchLabels" -}}
app.kubernetes.io/component: {{ .Values.server.name }}
app.kubernetes.io/name: {{ include "prometheus.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "prometheus.server.labels" -}}
{{ include "prometheus.server.matchLabels" . }}
{{ include "prometheus.metaLabels" (dict "root" . "version" .Chart.AppVersion) }}
{{- end -}}

{{/* Labels that select a part's pods. Arguments: root, name, component. */}}
{{- define "prometheus.part.matchLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{/* Labels of a part: kube-state-metrics or prometheus-node-exporter. Arguments: root, name, component. */}}
{{- define "prometheus.part.labels" -}}
{{ include "prometheus.part.matchLabels" . }}
app.kubernetes.io/component: {{ .component }}
{{ include "prometheus.metaLabels" (dict "root" .root "version" (index .root.Values .name).image.tag) }}
{{- end -}}

{{/* What every object says of its origin. Arguments: root, version. */}}
{{- define "prometheus.metaLabels" -}}
app.kubernetes.io/version: {{ .version | quote }}
app.kubernetes.io/part-of: {{ include "prometheus.name" .root }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .root.Values.commonMetaLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Image reference of the server or its reloader. Arguments: image, and tag, for an image that names none. */}}
{{- define "prometheus.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .tag .image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Image reference of a part. Argument: image. */}}
{{- define "prometheus.part.image" -}}
{{- with .registry }}{{ . }}/{{ end -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}

{{/* Parts that the community's chart has and this one has not. */}}
{{- define "prometheus.refused" -}}
{{- range $part := list "alertmanager" "prometheus-pushgateway" -}}
{{- if (index $.Values $part).enabled -}}
{{- fail (printf "%s.enabled: promdrill's own chart has no %s; set it to false, or drill the community's chart" $part $part) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Keys that were set and that this chart does not have, as a YAML list. The two lists below are the keys of values.yaml;
tests/unit/test_chart.py compares them.
*/}}
{{- define "prometheus.ignored" -}}
{{- $top := list "nameOverride" "imagePullSecrets" "commonMetaLabels" "rbac" "serviceAccounts" "configmapReload" "server"
  "extraScrapeConfigs" "ruleFiles" "extraManifests" "serverFiles" "kube-state-metrics" "prometheus-node-exporter"
  "alertmanager" "prometheus-pushgateway" -}}
{{- $server := list "name" "fullnameOverride" "clusterRoleNameOverride" "image" "extraFlags" "extraArgs"
  "defaultFlagsOverride" "configPath" "retention" "retentionSize" "storagePath" "prefixURL" "baseURL" "global"
  "replicaCount" "revisionHistoryLimit" "strategy" "deploymentAnnotations" "podAnnotations" "podLabels" "statefulSet"
  "persistentVolume" "emptyDir" "env" "resources" "extraInitContainers" "sidecarContainers" "extraVolumes"
  "extraVolumeMounts" "extraConfigmapMounts" "configMapOverrideName" "extraConfigmapLabels" "hostNetwork" "dnsPolicy"
  "priorityClassName" "nodeSelector" "tolerations" "affinity" "terminationGracePeriodSeconds" "securityContext"
  "containerSecurityContext" "readinessProbeInitialDelay" "readinessProbePeriodSeconds" "readinessProbeTimeout"
  "readinessProbeFailureThreshold" "readinessProbeSuccessThreshold" "livenessProbeInitialDelay"
  "livenessProbePeriodSeconds" "livenessProbeTimeout" "livenessProbeFailureThreshold" "livenessProbeSuccessThreshold"
  "startupProbe" "service" -}}
{{- $ignored := list -}}
{{- range $key, $value := .Values -}}
{{- if not (or (has $key $top) (eq $key "global") (kindIs "invalid" $value)) -}}
{{- $ignored = append $ignored $key -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := .Values.server -}}
{{- if not (or (has $key $server) (kindIs "invalid" $value)) -}}
{{- $ignored = append $ignored (printf "server.%s" $key) -}}
{{- end -}}
{{- end -}}
{{- toYaml $ignored -}}
{{- end -}}
