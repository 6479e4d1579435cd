"""What the Helm chart makes, as it is in the repository: the gateway would start with it, and its parts fit together."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).parents[2]
BINARY = os.environ.get("GATEWAY_BINARY") or str(ROOT / "build/release/app/carillon")
WHOLE = [ROOT / "docker/kubernetes/carillon.yaml", *sorted((ROOT / "docker/helm/golden").glob("*.yaml"))]
SECRET = "a-secret-of-these-tests-of-32-bytes-and-more"


class Manifests:
    """The objects of one file, by kind."""

    def __init__(self, path):
        self.all = [each for each in yaml.safe_load_all(path.read_text()) if each]

    def of(self, kind):
        return [each for each in self.all if each["kind"] == kind]

    @property
    def pod(self):
        return self.of("Deployment")[0]["spec"]["template"]

    @property
    def container(self):
        return self.pod["spec"]["containers"][0]

    def argument(self, name):
        return next((each.split("=", 1)[1] for each in self.container["args"] if each.startswith(f"--{name}=")), None)


def of_each(check):
    """The check of each of the files."""
    def checks(self):
        self.assertGreater(len(WHOLE), 1)
        for path in WHOLE:
            with self.subTest(path.name):
                check(self, Manifests(path))
    return checks


class Each(unittest.TestCase):
    @of_each
    def test_the_gateway_takes_its_arguments_its_variables_and_its_file(self, made):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for map_ in made.of("ConfigMap"):
                for name, content in map_["data"].items():
                    (folder / name).write_text(content)
            arguments = [each.replace("/etc/carillon/", f"{folder}/") for each in made.container["args"]]
            variables = {}
            for variable in made.container.get("env", []):
                name = variable["value"].rsplit("/", 1)[1]
                (folder / name).write_text(SECRET)
                variables[variable["name"]] = str(folder / name)
            checked = subprocess.run([BINARY, *arguments, "--check-config"], env=variables, text=True, timeout=60,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual((checked.stdout.strip(), checked.returncode), ("configuration is valid", 0))

    @of_each
    def test_a_pod_has_the_time_that_its_end_takes(self, made):
        options = ("drain-delay-ms", "drain-window-ms", "shutdown-timeout-ms")
        drain = sum(int(made.argument(name)) for name in options)
        self.assertGreater(made.pod["spec"]["terminationGracePeriodSeconds"] * 1000, drain)

    @of_each
    def test_a_pod_has_no_more_rights_than_it_needs(self, made):
        pod, container = made.pod["spec"]["securityContext"], made.container["securityContext"]
        self.assertTrue(pod["runAsNonRoot"] and pod["runAsUser"] > 0)
        self.assertEqual(pod["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual(container, {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                     "capabilities": {"drop": ["ALL"]}})
        self.assertIs(made.pod["spec"]["automountServiceAccountToken"], False)
        self.assertIs(made.pod["spec"]["enableServiceLinks"], False)

    @of_each
    def test_ports_have_the_addresses_that_are_listened_on(self, made):
        ports = {port["name"]: port["containerPort"] for port in made.container["ports"]}
        for name, port in ports.items():
            self.assertEqual(made.argument(f"{name}-listen"), f"[::]:{port}")
        for probe, path in (("startup", "/livez"), ("liveness", "/livez"), ("readiness", "/readyz")):
            self.assertEqual(made.container[f"{probe}Probe"]["httpGet"], {"path": path, "port": "control"})
        for service in made.of("Service"):
            for port in service["spec"]["ports"]:
                self.assertIn(port["targetPort"], ports)
        for policy in made.of("NetworkPolicy"):
            for rule in policy["spec"]["ingress"]:
                for port in rule["ports"]:
                    self.assertIn(port["port"], ports)

    @of_each
    def test_what_selects_pods_selects_these(self, made):
        labels = made.pod["metadata"]["labels"].items()
        selectors = [made.of("Deployment")[0]["spec"]["selector"]["matchLabels"]]
        selectors += [each["spec"]["selector"] for each in made.of("Service")]
        selectors += [each["spec"]["selector"]["matchLabels"] for each in made.of("PodDisruptionBudget")]
        selectors += [each["spec"]["podSelector"]["matchLabels"] for each in made.of("NetworkPolicy")]
        selectors += [each["labelSelector"]["matchLabels"]
                      for each in made.pod["spec"].get("topologySpreadConstraints", [])]
        for selector in selectors:
            self.assertLessEqual(selector.items(), labels)
        scraped = [each for each in made.of("Service") if each["metadata"]["labels"].get("carillon/scrape")]
        self.assertEqual([each["spec"]["clusterIP"] for each in scraped], ["None"])

    @of_each
    def test_volumes_are_there_for_their_mounts(self, made):
        volumes = {each["name"]: each for each in made.pod["spec"]["volumes"]}
        self.assertEqual(set(volumes), {each["name"] for each in made.container["volumeMounts"]})
        for volume in volumes.values():
            if "configMap" in volume:
                self.assertEqual(volume["configMap"]["name"], made.of("ConfigMap")[0]["metadata"]["name"])

    @of_each
    def test_several_pods_have_a_bus_that_they_share(self, made):
        scaler = made.of("HorizontalPodAutoscaler")
        most = scaler[0]["spec"]["maxReplicas"] if scaler else made.of("Deployment")[0]["spec"]["replicas"]
        if most > 1:
            self.assertTrue(made.argument("bus").startswith("redis://"))

    @of_each
    def test_pods_are_scaled_by_a_metric_that_there_is(self, made):
        names = re.findall(r"^\w+\(\w+, (\w+),", (ROOT / "lib/metrics/shard_metrics.def").read_text(), re.MULTILINE)
        for scaler in made.of("HorizontalPodAutoscaler"):
            self.assertNotIn("replicas", made.of("Deployment")[0]["spec"])
            metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
            self.assertIn(metric, {f"carillon_{name}" for name in names})


class Together(unittest.TestCase):
    def test_the_alerts_are_those_of_the_repository(self):
        alerts = yaml.safe_load((ROOT / "docker/alerts.yml").read_text())
        for name in ("docker/kubernetes/monitor.yaml", "docker/helm/golden/several.yaml"):
            rules = Manifests(ROOT / name).of("PrometheusRule")
            self.assertEqual([rule["spec"] for rule in rules], [alerts])

    def test_each_alert_has_a_test(self):
        alerts = yaml.safe_load((ROOT / "docker/alerts.yml").read_text())["groups"]
        tests = yaml.safe_load((ROOT / "tests/helm/alerts.test.yml").read_text())["tests"]
        fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each.get("exp_alerts")}
        self.assertEqual(fired, {rule["alert"] for group in alerts for rule in group["rules"]})

    def test_what_kubectl_applies_is_there(self):
        listed = yaml.safe_load((ROOT / "docker/kubernetes/kustomization.yaml").read_text())["resources"]
        for name in listed:
            self.assertTrue((ROOT / "docker/kubernetes" / name).exists())

    def test_values_and_their_schema_have_the_same_names(self):
        chart = ROOT / "docker/helm/carillon"
        schema = yaml.safe_load((chart / "values.schema.json").read_text())["properties"]
        values = yaml.safe_load((chart / "values.yaml").read_text())
        self.assertEqual(set(schema), set(values))
        for name, value in values.items():
            if isinstance(value, dict) and "properties" in schema[name]:
                self.assertEqual(set(schema[name]["properties"]), set(value), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
