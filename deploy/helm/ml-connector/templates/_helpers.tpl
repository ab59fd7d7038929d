{{- define "mlc.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "mlc.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "mlc.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "mlc.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mlc.selector" -}}
app.kubernetes.io/name: {{ include "mlc.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mlc.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "mlc.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mlc.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "mlc.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "mlc.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{/* The environment and the mounts that every container of ours has. */}}
{{- define "mlc.env" -}}
- name: MLC_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "redis.existingSecret: name the Secret that holds the Redis URL" .Values.redis.existingSecret }}
      key: {{ .Values.redis.secretKey }}
- name: MLC_KEYSET_FILE
  value: /etc/ml-connector/keyset/{{ .Values.keyset.secretKey }}
{{- if .Values.opsTokens.existingSecret }}
- name: MLC_OPS_TOKENS_FILE
  value: /etc/ml-connector/tokens/{{ .Values.opsTokens.secretKey }}
{{- end }}
- name: GOMEMLIMIT
  valueFrom:
    resourceFieldRef:
      resource: limits.memory
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mlc.envFrom" -}}
- configMapRef:
    name: {{ include "mlc.fullname" . }}
{{- with .Values.extraEnvFrom }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mlc.mounts" -}}
- name: keyset
  mountPath: /etc/ml-connector/keyset
  readOnly: true
{{- if .Values.opsTokens.existingSecret }}
- name: tokens
  mountPath: /etc/ml-connector/tokens
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mlc.volumes" -}}
- name: keyset
  secret:
    secretName: {{ required "keyset.existingSecret: name the Secret that holds the keyset" .Values.keyset.existingSecret }}
    defaultMode: 0400
{{- if .Values.opsTokens.existingSecret }}
- name: tokens
  secret:
    secretName: {{ .Values.opsTokens.existingSecret }}
    defaultMode: 0400
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What api and worker have in common. Call with (dict "root" . "role" "api" "values" .Values.api). */}}
{{- define "mlc.pod" -}}
{{- $root := .root }}
{{- $drain := int (default 0 $root.Values.config.drain_seconds) }}
{{- $grace := int (default 25 $root.Values.config.shutdown_grace_seconds) }}
{{- $sleep := ternary (int $root.Values.preStopSleepSeconds) 0 (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
metadata:
  labels:
    {{- include "mlc.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "mlc.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ add $sleep $drain $grace 10 }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: ml-connector
      image: {{ include "mlc.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [serve]
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      env:
        - name: MLC_ROLES
          value: {{ .role }}
        {{- include "mlc.env" $root | nindent 8 }}
      envFrom:
        {{- include "mlc.envFrom" $root | nindent 8 }}
      ports:
        {{- if eq .role "api" }}
        - name: webhooks
          containerPort: 8080
        {{- end }}
        - name: ops
          containerPort: 9090
      startupProbe:
        httpGet: {path: /livez, port: ops}
        periodSeconds: 1
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /livez, port: ops}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: ops}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if $sleep }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $sleep }}
      {{- end }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        {{- include "mlc.mounts" $root | nindent 8 }}
  volumes:
    {{- include "mlc.volumes" $root | nindent 4 }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
  {{- if $root.Values.topologySpreadConstraints }}
    {{- toYaml $root.Values.topologySpreadConstraints | nindent 4 }}
  {{- else }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "mlc.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ .role }}
  {{- end }}
{{- end }}
