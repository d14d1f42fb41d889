{{- /* One operator a release: its objects are named by the release. */ -}}
{{- define "bedrock-operator.name" -}}
{{- if eq .Release.Name .Chart.Name -}}{{ .Chart.Name }}{{- else -}}{{ printf "%s-bedrock-operator" .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "bedrock-operator.selector" -}}
app.kubernetes.io/name: bedrock-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bedrock-operator.labels" -}}
{{ include "bedrock-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "bedrock-operator.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- /* Operators of one namespace share a Lease: of two releases one would never act, and say
nothing. */ -}}
{{- define "bedrock-operator.alone" -}}
{{- range (lookup "apps/v1" "Deployment" .Release.Namespace "").items -}}
{{- $l := .metadata.labels | default dict -}}
{{- if and (eq (get $l "app.kubernetes.io/name") "bedrock-operator") (ne (get $l "app.kubernetes.io/instance") $.Release.Name) -}}
{{- fail (printf "namespace %s has an operator already, Deployment %s: of two in one namespace only one acts. Upgrade that one (its `namespaces` may name several), or install this release in a namespace of its own" $.Release.Namespace .metadata.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
