"""The routes of the API: each reads the request, calls one use case and maps its answer."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingress.documents import (
    instance_path,
    machine_document,
    machine_summary,
    receipt_path,
)
from functions.ingress.problems import CONTENT_TYPE, RequestError, find_problem
from functions.ingress.requests import CORRELATION_HEADER, Request, parse_key
from functions.ingress.resolver import Resolver
from functions.ingress.views import Views
from settle.core.definition import Definition
from settle.core.short_text import shorten
from settle.runtime.check_rights import check_read
from settle.runtime.complete_callback import post_callback
from settle.runtime.create_instance import put_instance
from settle.runtime.envelope import ControlAction
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.list_blocked import list_blocked
from settle.runtime.log_keys import make_log_keys
from settle.runtime.names import check_machine_name
from settle.runtime.read_blocked import read_blocked
from settle.runtime.read_instance import read_instance
from settle.runtime.read_receipt import ReceiptView, read_receipt, wait_for
from settle.runtime.receipt import Outcome
from settle.runtime.send_control import send_control
from settle.runtime.send_edit import send_edit
from settle.runtime.submit_events import Accepted, EventsRequest, post_events
from settle.runtime.wait_instance import wait_instance

JSON: Final = "application/json"
MERMAID: Final = "text/vnd.mermaid; charset=utf-8"
"""As registered with IANA (2023)."""
CALLBACKS: Final = "/callbacks/"
INSTANCE: Final = "/machines/<machine>/instances/<instance>"
CONTROLS: Final = (ControlAction.PAUSE, ControlAction.RESUME, ControlAction.RETRY, ControlAction.SKIP)
"""What operators may ask for; draining is the runtime's own affair."""
RESERVE_SECONDS: Final = 2.0
"""Left of an invocation when a wait ends, for the last look and the answer."""

_logger = logging.getLogger("settle")


class Api:
    """The resolver with its routes.

    Powertools keeps the current event on a class, so a process answers one request at a time, as Lambda has it.

    Args:
        ports: what the use cases work with.
        find_trace_parent: says which segment of which trace the present request is; None where nothing is traced.
    """

    def __init__(self, ports: IngressPorts, find_trace_parent: Callable[[], str | None] = lambda: None) -> None:
        self._ports, self._find_trace_parent = ports, find_trace_parent
        self._views = Views(ports)
        self._openapi = ""
        self._app = Resolver(debug=False)  # else a traceback could reach a caller
        # Looked through in this order: the hot one first.
        self._routes: list[tuple[str, str, Callable[..., Response[str]]]] = [
            ("POST", f"{INSTANCE}/events", self._post_events),
            ("GET", INSTANCE, self._get_instance),
            ("PUT", INSTANCE, self._put_instance),
            ("GET", f"{INSTANCE}/receipts/<receipt>", self._get_receipt),
            *(("POST", f"{INSTANCE}/{action.value}", self._control(action)) for action in CONTROLS),
            ("POST", f"{INSTANCE}/edit", self._edit),
            ("GET", f"{INSTANCE}/blocked", self._get_blocked),
            ("DELETE", INSTANCE, self._control(ControlAction.DELETE)),
            ("GET", f"{INSTANCE}/wait", self._wait_instance),
            ("POST", f"{CALLBACKS}<token>", self._post_callback),
            ("GET", f"{INSTANCE}/diagram", self._get_instance_diagram),
            ("GET", "/machines/<machine>/instances", self._get_instances),
            ("GET", "/machines/<machine>", self._get_machine),
            ("GET", "/machines/<machine>/diagram", self._get_diagram),
            ("GET", "/machines", self._get_machines),
            ("GET", "/openapi.json", self._get_openapi),
            ("GET", "/health", self._get_health),
        ]
        for method, rule, function in self._routes:
            self._app.route(rule, method=method)(function)
        self._app.not_found(self._not_found)
        self._app.exception_handler(Exception)(self._refuse)

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one request."""
        answer = self._app.resolve(event, context)
        answer["headers"][CORRELATION_HEADER] = Request(event).correlation_id()
        return answer

    # Events ----------------------------------------------------------------------------------------------------------

    def _post_events(self, machine: str, instance: str) -> Response[str]:
        key, request = parse_key(machine, instance), self._request()
        events, is_list = request.events()
        accepted = post_events(
            self._ports,
            EventsRequest(
                key=key,
                caller=request.caller(),
                events=events,
                idempotency_key=request.idempotency_key(),
                if_match=request.if_match(len(events)),
                look_first=self._wait_seconds(request) > 0,
            ),
        )
        return self._answer(request, key, accepted, is_list=is_list)

    def _control(self, action: ControlAction) -> Callable[[str, str], Response[str]]:
        def control(machine: str, instance: str) -> Response[str]:
            key, request = parse_key(machine, instance), self._request()
            request.refuse_if_match()
            event_id = request.skipped_event() if action is ControlAction.SKIP else ""
            receipt_id = send_control(self._ports, key, request.caller(), action, event_id)
            return self._answer(request, key, Accepted(receipt_ids=(receipt_id,)))

        return control

    def _edit(self, machine: str, instance: str) -> Response[str]:
        key, request = parse_key(machine, instance), self._request()
        request.refuse_if_match()
        receipt_id = send_edit(self._ports, key, request.caller(), request.edit())
        return self._answer(request, key, Accepted(receipt_ids=(receipt_id,)))

    def _post_callback(self, token: str) -> Response[str]:
        request = self._request()
        key, accepted = post_callback(self._ports, token, request.caller(), request.callback())
        # Whoever has a token has no right to know more than what became of it.
        view = self._wait(key, accepted, self._wait_seconds(request))[0]
        headers = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
        status = HTTPStatus.OK if view.is_final else HTTPStatus.ACCEPTED
        return _json(status, {"outcome": view.outcome and view.outcome.value}, headers)

    def _answer(
        self, request: Request, key: InstanceKey, accepted: Accepted, *, is_list: bool = False
    ) -> Response[str]:
        """Answer with receipts: 200 when they are final or an operator is needed, else 202."""
        seconds = self._wait_seconds(request)
        views = self._wait(key, accepted, seconds)
        headers = {"Location": receipt_path(key, views[-1].id)}
        if accepted.replayed:
            headers["Idempotent-Replayed"] = "true"
        if seconds:
            headers["Preference-Applied"] = f"wait={seconds:g}"
        settled = all(view.is_final for view in views) or any(view.outcome is Outcome.QUARANTINED for view in views)
        documents = self._views.receipts(key, views, request.principal())
        body = {"receipts": documents} if is_list else documents[0]
        keys = make_log_keys(key.machine, key.instance, trace=request.trace())
        _logger.debug("accepted", extra={**keys, "receipt": views[0].id})
        return _json(HTTPStatus.OK if settled else HTTPStatus.ACCEPTED, body, headers)

    def _wait(self, key: InstanceKey, accepted: Accepted, seconds: float) -> tuple[ReceiptView, ...]:
        """Return what is known about accepted events, after a wait if there is something to wait for."""
        views = accepted.replayed or tuple(
            ReceiptView(id=str(each), outcome=Outcome.QUEUED) for each in accepted.receipt_ids
        )
        if not seconds or all(view.is_final for view in views):
            return views
        return wait_for(self._ports, key, accepted.receipt_ids, seconds)

    # Instances -------------------------------------------------------------------------------------------------------

    def _get_instance(self, machine: str, instance: str) -> Response[str]:
        request = self._request()
        found = read_instance(self._ports, parse_key(machine, instance))
        document = self._views.instance(found, request.principal())
        if request.has_current(_etag(found)):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": _etag(found)})
        return _json(HTTPStatus.OK, document, {"ETag": _etag(found)})

    def _get_instances(self, machine: str) -> Response[str]:
        name, request = check_machine_name(machine), self._request()
        found = list_blocked(self._ports, name, *request.page())
        document: dict[str, Any] = {"instances": self._views.blocked(found.instances, request.principal())}
        return _json(HTTPStatus.OK, {**document, "cursor": found.cursor} if found.cursor else document)

    def _get_blocked(self, machine: str, instance: str) -> Response[str]:
        found = read_blocked(self._ports, parse_key(machine, instance))
        return _json(HTTPStatus.OK, self._views.blocked_event(found, self._request().principal()))

    def _wait_instance(self, machine: str, instance: str) -> Response[str]:
        key, request = parse_key(machine, instance), self._request()
        seconds = min(request.timeout_seconds(), self._seconds_left())
        self._views.check(key, request.principal())
        found = wait_instance(self._ports, key, request.goal(), seconds)
        if found is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return _json(HTTPStatus.OK, self._views.instance(found, request.principal()), {"ETag": _etag(found)})

    def _put_instance(self, machine: str, instance: str) -> Response[str]:
        key, request = parse_key(machine, instance), self._request()
        request.refuse_if_match()
        input_data, event = request.creation()
        creation = put_instance(self._ports, key, request.caller(), input_data, event)
        # An instance that is there speaks for its creation; only what became of the event is left to tell.
        told = creation.receipts if creation.instance is None else creation.receipts[1:]
        receipts = self._views.receipts(key, told, request.principal())
        if creation.instance is None:
            document = {**receipts[0], **_with_event(receipts[1:])}
            return _json(HTTPStatus.ACCEPTED, document, {"Location": document["location"]})
        document = {**self._views.made(creation.instance, request.principal()), **_with_event(receipts)}
        status = HTTPStatus.CREATED if creation.is_new else HTTPStatus.OK
        return _json(status, document, {"Location": instance_path(key), "ETag": _etag(creation.instance)})

    def _get_receipt(self, machine: str, instance: str, receipt: str) -> Response[str]:
        key, principal = parse_key(machine, instance), self._request().principal()
        (document,) = self._views.receipts(key, [read_receipt(self._ports, key, receipt)], principal)
        return _json(HTTPStatus.OK, document)

    # Machines --------------------------------------------------------------------------------------------------------

    def _get_machines(self) -> Response[str]:
        registry = self._ports.registry
        machines = [machine_summary(registry.get(name)) for name in registry.names()]
        return _json(HTTPStatus.OK, {"machines": machines})

    def _get_machine(self, machine: str) -> Response[str]:
        return _json(HTTPStatus.OK, machine_document(self._ports.registry.get(check_machine_name(machine))))

    def _get_diagram(self, machine: str) -> Response[str]:
        return _diagram(self._ports.registry.get(check_machine_name(machine)), ())

    def _get_instance_diagram(self, machine: str, instance: str) -> Response[str]:
        found = read_instance(self._ports, parse_key(machine, instance))
        check_read(self._ports, found, self._request().principal())
        snapshot = found.snapshot
        return _diagram(self._ports.registry.definition_for(snapshot), snapshot.configuration)

    def _get_openapi(self) -> Response[str]:
        from functions.ingress.openapi import build_openapi  # noqa: PLC0415 - as for a diagram

        self._openapi = self._openapi or json.dumps(build_openapi(self._ports.registry))
        return Response(status_code=HTTPStatus.OK, content_type=JSON, body=self._openapi)

    def _get_health(self) -> Response[str]:
        return _json(HTTPStatus.OK, {"status": "ok"})

    # Refusals --------------------------------------------------------------------------------------------------------

    def _not_found(self, _error: NotFoundError) -> Response[str]:
        """Say what is wrong with a request that no route takes."""
        event = self._app.current_event
        path, method = event.path, event.http_method.upper()
        methods = sorted(each for each, rule, _ in self._routes if _fits(rule, path))
        if method in methods:  # by its shape, so a name in it has characters that the resolver does not take for a name
            shown = "this path" if path.startswith(CALLBACKS) else repr(shorten(path))
            raise RequestError(HTTPStatus.BAD_REQUEST, "name_invalid", f"a name in {shown} has forbidden characters")
        if methods:
            allow = ", ".join(methods)
            detail = f"{method} is not allowed here, only {allow}"
            raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers={"Allow": allow})
        shown = "this path" if path.startswith(CALLBACKS) else repr(shorten(path))  # a token stands in no answer
        raise RequestError(HTTPStatus.NOT_FOUND, "unknown_path", f"there is nothing at {shown}; see /openapi.json")

    def _refuse(self, error: Exception) -> Response[str]:
        """Turn an error into a problem; what is not the caller's fault is logged with its traceback."""
        problem = find_problem(error)
        names = self._app.context.get("_route_args") or {}
        keys = make_log_keys(names.get("machine", ""), names.get("instance", ""), trace=self._request().trace())
        extra = {**keys, "code": problem.code, "status": int(problem.status)}
        if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            _logger.info("request refused", extra=extra)
        else:
            _logger.error("request failed", extra=extra, exc_info=error)
        return Response(
            status_code=problem.status, content_type=CONTENT_TYPE, body=problem.body, headers=dict(problem.headers)
        )

    # Requests --------------------------------------------------------------------------------------------------------

    def _request(self) -> Request:
        return Request(self._app.current_event.raw_event, self._find_trace_parent())

    def _wait_seconds(self, request: Request) -> float:
        """Return how long to wait: what the client prefers, within what is left of the invocation."""
        preferred = request.wait_seconds()
        if not preferred:
            return 0
        return min(preferred, self._seconds_left())

    def _seconds_left(self) -> float:
        """Return how long this invocation may wait."""
        return max(0, int(self._app.lambda_context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS))


def _fits(rule: str, path: str) -> bool:
    wanted, found = rule.split("/"), path.split("/")
    return len(wanted) == len(found) and all(
        (name.startswith("<") and given != "") or name == given for name, given in zip(wanted, found, strict=True)
    )


def _with_event(receipts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what became of the event that came with a creation, if one did."""
    return {"event_receipt": receipts[0]} if receipts else {}


def _etag(instance: Instance) -> str:
    return f'"{instance.version}.{instance.revision}"'


def _json(status: HTTPStatus, body: Any, headers: Mapping[str, str] | None = None) -> Response[str]:  # noqa: ANN401
    return Response(status_code=status, content_type=JSON, body=json.dumps(body), headers=headers)


def _diagram(definition: Definition, configuration: Sequence[str]) -> Response[str]:
    """Draw a machine, its active nodes marked."""
    from settle.drawing.mermaid import mermaid  # noqa: PLC0415 - few requests need it, and none the first

    return Response(status_code=HTTPStatus.OK, content_type=MERMAID, body=mermaid(definition, configuration))
