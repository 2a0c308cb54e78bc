import re

from tfvae.serving.local.metrics import Metrics


def test_a_page_has_the_counts_and_the_cumulative_buckets():
    metrics = Metrics()
    for microseconds in (9.0, 10.0, 11.0, 1e12):
        metrics.record("m", "OK", "Predict", "GRPC", microseconds)
    metrics.record("m", "INTERNAL", "Predict", "GRPC", 5.0)
    lines = metrics.page().splitlines()
    labels = 'model_name="m",API="Predict",entrypoint="GRPC"'
    latency = ":tensorflow:serving:request_latency"
    assert lines[:4] == [
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="m",status="INTERNAL"} 1',
        ':tensorflow:serving:request_count{model_name="m",status="OK"} 4',
        f"# TYPE {latency} histogram",
    ]
    buckets = lines[4:-2]
    assert len(buckets) == 34
    assert buckets[:3] == [
        f'{latency}_bucket{{{labels},le="{le}"}} {n}' for le, n in (("10", 2), ("18", 3), ("32.4", 3))
    ]
    assert buckets[-1] == f'{latency}_bucket{{{labels},le="+Inf"}} 4'
    assert lines[-2:] == [f"{latency}_sum{{{labels}}} 1000000000030", f"{latency}_count{{{labels}}} 4"]


def test_names_are_escaped():
    metrics = Metrics()
    metrics.record('a"b\\c\nd', "OK", "Predict", "GRPC", 1.0)
    for line in metrics.page().splitlines():
        # The grammar of Prometheus's text format.
        label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"'
        assert re.fullmatch(rf"# TYPE \S+ \w+|[a-zA-Z_:][\w:]*{{{label}(?:,{label})*}} [\d.e+]+", line), line
