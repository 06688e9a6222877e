{{- /* The name of the objects. It always has "harbormouth" in it: alerts look for that in the job. */ -}}
{{- define "harbormouth.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "harbormouth" $name) }}{{ $name = printf "%s-harbormouth" $name }}{{ end -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- /* What selects the pods of this release and of no other. */ -}}
{{- define "harbormouth.selector" -}}
app.kubernetes.io/name: harbormouth
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* A file that kustomize uses, too: list $ FILE. They are links here, and files in a packed chart. */ -}}
{{- define "harbormouth.file" -}}
{{- $text := (index . 0).Files.Get (index . 1) -}}
{{- $text | required (printf "the chart has no %s: was it copied without following its links?" (index . 1)) -}}
{{- end -}}

{{- /* An object with the names of this release: list $ OBJECT. */ -}}
{{- define "harbormouth.print" -}}
{{- $root := index . 0 -}}
{{- $object := index . 1 -}}
{{- $name := include "harbormouth.name" $root -}}
{{- $metadata := $object.metadata -}}
{{- $_ := set $metadata "name" (regexReplaceAll "^harbormouth" $metadata.name $name) -}}
{{- if ne $object.kind "PriorityClass" }}{{ $_ := set $metadata "namespace" $root.Release.Namespace }}{{ end -}}
{{- $labels := include "harbormouth.selector" $root | fromYaml -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $metadata "labels" (merge $labels ($metadata.labels | default dict)) -}}
{{ toYaml $object }}
{{- end -}}

{{- /* The https hosts that clients type, as a list. */ -}}
{{- define "harbormouth.hosts" -}}
{{- $hosts := list -}}
{{- range concat .Values.config.registries (.Values.config.mirrors | default list) }}
{{- range .public }}
{{- if hasPrefix "https://" . }}
{{- $hosts = append $hosts (trimPrefix "https://" . | regexFind "^(\\[[^]]*\\]|[^:/]*)") }}
{{- end }}
{{- end }}
{{- end }}
{{- uniq $hosts | toJson -}}
{{- end -}}
