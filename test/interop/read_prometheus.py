"""Prints, as JSON, what Prometheus's own parser reads at an address: python read_prometheus.py URL [BEARER-TOKEN]"""
import json
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

request = urllib.request.Request(sys.argv[1])
for token in sys.argv[2:]:
    request.add_header("Authorization", f"Bearer {token}")
text = urllib.request.urlopen(request, timeout=30).read().decode()
print(json.dumps([
    {"name": sample.name, "type": family.type, "labels": sample.labels, "value": sample.value}
    for family in text_string_to_metric_families(text)
    for sample in family.samples
    if sample.name.startswith("maggy_")
]))
