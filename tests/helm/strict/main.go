// Reads manifests as Kubernetes' own types, strictly: a member that there is not, or of another type, is a mistake.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	documents "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func object(kind string) any {
	switch kind {
	case "apps/v1 Deployment":
		return &apps.Deployment{}
	case "autoscaling/v2 HorizontalPodAutoscaler":
		return &autoscaling.HorizontalPodAutoscaler{}
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networking.NetworkPolicy{}
	case "policy/v1 PodDisruptionBudget":
		return &policy.PodDisruptionBudget{}
	case "v1 ConfigMap":
		return &core.ConfigMap{}
	case "v1 Service":
		return &core.Service{}
	}
	return nil
}

func check(path string) (read, others int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	for from := documents.NewYAMLReader(bufio.NewReader(bytes.NewReader(content))); ; {
		document, err := from.Read()
		if err == io.EOF {
			return read, others, nil
		}
		if err != nil {
			return read, others, err
		}
		var what meta.TypeMeta
		if err := yaml.Unmarshal(document, &what); err != nil {
			return read, others, err
		}
		if what.Kind == "" {
			continue
		}
		into := object(what.APIVersion + " " + what.Kind)
		if into == nil {
			others++
			continue
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return read, others, fmt.Errorf("%s: %w", what.Kind, err)
		}
		read++
	}
}

func main() {
	status := 0
	for _, path := range os.Args[1:] {
		read, others, err := check(path)
		if err != nil {
			fmt.Printf("%s: %v\n", path, err)
			status = 1
			continue
		}
		fmt.Printf("%s: %d objects are as Kubernetes has them, %d are not its own\n", path, read, others)
	}
	os.Exit(status)
}
