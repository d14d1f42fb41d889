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

{{- /* Two operators of one network write its objects in turn; of two in one namespace, which
share a Lease, one never acts, and says nothing. Who makes cluster roles may look into all
namespaces. */ -}}
{{- define "bedrock-operator.alone" -}}
{{- $where := ternary "" .Release.Namespace (or (empty .Values.namespaces) .Values.keyClaims .Values.clusterReader) -}}
{{- range (lookup "apps/v1" "Deployment" $where "").items -}}
{{- $l := .metadata.labels | default dict -}}
{{- $here := eq .metadata.namespace $.Release.Namespace -}}
{{- if and (eq (get $l "app.kubernetes.io/name") "bedrock-operator") (not (and $here (eq (get $l "app.kubernetes.io/instance") $.Release.Name))) -}}
{{- if $here -}}
{{- fail (printf "namespace %s has an operator already, Deployment %s: of two in one namespace only one acts. Upgrade that one (its `namespaces` may name several), or install this release in a namespace of its own" $.Release.Namespace .metadata.name) -}}
{{- end -}}
{{- $theirs := include "bedrock-operator.namespacesOf" . -}}
{{- $both := list -}}
{{- range $.Values.namespaces -}}
{{- if has . (splitList "," $theirs) -}}{{- $both = append $both . -}}{{- end -}}
{{- end -}}
{{- if or (empty $.Values.namespaces) (empty $theirs) $both -}}
{{- fail (printf "Deployment %s in namespace %s runs the networks of %s, and this release would run those of %s: two operators would write one network's objects in turn. Upgrade that one, uninstall it first (its networks run on meanwhile), or give each other `namespaces`" .metadata.name .metadata.namespace ($theirs | default "all namespaces") (join "," $.Values.namespaces | default "all namespaces")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Which namespaces an operator's Deployment watches, with commas between; empty: all. */ -}}
{{- define "bedrock-operator.namespacesOf" -}}
{{- $of := "" -}}
{{- range .spec.template.spec.containers -}}
{{- range .args | default list -}}
{{- if hasPrefix "--namespaces=" . -}}{{- $of = trimPrefix "--namespaces=" . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $of | replace "$(POD_NAMESPACE)" .metadata.namespace -}}
{{- end -}}
