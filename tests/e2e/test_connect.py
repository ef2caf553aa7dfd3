"""Kafka Connect's paths, as the scripts of those use them who had the connector there."""
import json

from e2k_support.proc import wait_for
from records import ao

CONNECTOR = "/connectors/archive"


def test_a_script_for_connect_reads_pauses_resumes_and_restarts(site):
    supervisor = site.supervisor([site.ioc(ao("a"))], settings={"control": {"connector_name": "archive"}})
    out = site.topic()
    supervisor.monitor("a", out)
    supervisor.connected(1)
    supervisor.settled()

    def status():
        return supervisor.get(f"{CONNECTOR}/status")

    def states():
        found = status()
        return [found["connector"]["state"]] + [task["state"] for task in found["tasks"]]

    wait_for(lambda: states() == ["RUNNING"] * 3, 20, "a running connector of two running tasks")
    assert supervisor.get("/connectors") == ["archive"]
    expanded = supervisor.get("/connectors?expand=status&expand=info")["archive"]
    assert set(expanded) == {"status", "info"} and expanded["info"]["config"]["command.topic"] == site.commands
    assert set(status()) == {"name", "connector", "tasks", "type"} and status()["type"] == "source"
    assert supervisor.get(f"{CONNECTOR}/topics") == {"archive": {"topics": [out]}}
    assert supervisor.get("/connector-plugins")[0]["version"] == supervisor.status()["version"]

    assert supervisor.request("PUT", f"{CONNECTOR}/pause")[0] == 202
    wait_for(lambda: states() == ["PAUSED"] * 3, 20, "a pause")
    assert supervisor.request("PUT", f"{CONNECTOR}/resume")[0] == 202
    wait_for(lambda: states() == ["RUNNING"] * 3, 20, "its end")

    before = [worker["generation"] for worker in supervisor.workers()]
    code, _, body = supervisor.request("POST", f"{CONNECTOR}/tasks/1/restart")
    assert (code, body) == (204, b"")
    supervisor.wait(lambda s: s["workers"][1]["generation"] != before[1] and s["workers"][1]["state"] == "RUNNING",
                    20, "a new process of the task")
    task = supervisor.get(f"{CONNECTOR}/tasks/1/status")
    assert task["worker_id"].endswith(f":{supervisor.get('/workers/1')['pid']}")
    assert supervisor.workers()[0]["generation"] == before[0]

    assert supervisor.request("POST", f"{CONNECTOR}/restart")[0] == 204
    code, _, body = supervisor.request("POST", f"{CONNECTOR}/restart?includeTasks=true")
    assert code == 202 and {task["state"] for task in json.loads(body)["tasks"]} == {"RESTARTING"}
    supervisor.wait(lambda s: s["workers"][0]["generation"] != before[0] and s["channels"]["connected"] == 1, 20,
                    "new processes of all tasks")

    code, _, body = supervisor.request("GET", "/connectors/ca-source/status")
    assert code == 404 and json.loads(body)["error_code"] == 404 and b"archive" in body
    status_socket = supervisor.socket.with_name("status.sock")
    assert supervisor.request("GET", f"{CONNECTOR}/status", path_of_socket=status_socket)[0] == 200
    assert supervisor.request("PUT", f"{CONNECTOR}/pause", path_of_socket=status_socket)[0] == 405
