"""The one object graph of a process: settings in, writers, engine, history and queue out, wired and checked."""

from dataclasses import dataclass, field
from functools import cached_property, partial

from fibo_core.engine import adapters
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.placement import SharedDevice
from fibo_core.engine.process import ProcessEngine
from fibo_core.models.device import default_model
from fibo_core.settings import Settings
from fibo_core.store.batch_store import BatchStore
from fibo_core.store.database import Database
from fibo_core.store.inputs import Inputs, kept_picture
from fibo_core.store.job_store import JobStore
from fibo_core.work import workflows
from fibo_core.work.care import Care
from fibo_core.work.desk import Desk
from fibo_core.work.imports import Imports
from fibo_core.work.jobs import JobQueue
from fibo_core.work.workflows import Tools
from fibo_core.work.workspace import build_database, build_history
from fibo_core.writers import PromptWriter
from fibo_core.writers.chain import Backend, Missing, Writers
from fibo_core.writers.gemini_faults import NO_KEY
from fibo_core.writers.llm_faults import NO_ADDRESS, NO_MODEL
from fibo_core.writers.local import LocalWriter, lacking
from fibo_core.writers.offline import OfflineWriter


@dataclass(frozen=True)
class Runtime:
    """Everything a running studio holds."""

    settings: Settings
    tools: Tools
    jobs: JobQueue
    desk: Desk
    inputs: Inputs
    database: Database
    care: Care = field(init=False)

    def __post_init__(self) -> None:
        tools, days = self.tools, self.settings.trash_days
        care = Care(tools.history, self.database, self.inputs, self.desk.inputs, days)
        object.__setattr__(self, "care", care)

    @cached_property
    def imports(self) -> Imports:
        """What comes in in the background."""
        return Imports(self.tools.history, self.database, self.settings.workspace_dir)

    def close(self) -> None:
        """Interrupts jobs and imports, and lets go of queue, engine and database."""
        self.jobs.stop()
        self.imports.stop()
        self.tools.engine.close()
        self.database.close()


def build_writers(settings: Settings, device: SharedDevice | None = None) -> Writers:
    """The prompt writers, best first. Each is built, and its library imported, when it is first asked.

    ``device`` is what the local writer shares with the painter.
    """
    return Writers(
        (
            Backend(
                "gemini",
                "Gemini",
                f"a service of Google's, model {settings.gemini_model}",
                partial(_gemini, settings),
                lambda: None if settings.google_api_key else Missing("no key", NO_KEY),
            ),
            Backend(
                "llm",
                settings.llm_model or "The llm writer",
                f"{settings.llm_model}, asked at {settings.llm_base_url}"
                if settings.llm_base_url
                else "any model of a service that speaks OpenAI's chat completions",
                partial(_llm, settings),
                partial(_llm_lacks, settings),
                settings.llm_model,
            ),
            Backend(
                "local",
                "The local writer",
                LocalWriter.about,
                partial(LocalWriter, hub_cache=settings.hub_cache, device=device),
                partial(lacking, settings.hub_cache),
            ),
            Backend("offline", "The offline writer", OfflineWriter.about, OfflineWriter),
        ),
        settings.fibo_writer,
    )


def _gemini(settings: Settings) -> PromptWriter:
    from fibo_core.writers.gemini import GeminiWriter

    key = settings.google_api_key
    return GeminiWriter("" if key is None else key.get_secret_value(), settings.gemini_model)


def _llm(settings: Settings) -> PromptWriter:
    from fibo_core.writers.llm import LlmWriter

    key = settings.llm_api_key
    return LlmWriter(settings.llm_base_url, settings.llm_model, "" if key is None else key.get_secret_value())


def _llm_lacks(settings: Settings) -> Missing | None:
    if not settings.llm_base_url:
        return Missing("no address", NO_ADDRESS)
    return None if settings.llm_model else Missing("no model", NO_MODEL)


def build_tools(settings: Settings, database: Database) -> Tools:
    """Writers, engine and history; no model is loaded yet."""
    model, device = default_model(settings.fibo_model, settings.hub_cache), SharedDevice()
    return Tools(
        writers=build_writers(settings, device),
        engine=(ProcessEngine if settings.fibo_engine == "process" else FiboEngine)(
            model.name,
            hub_cache=settings.hub_cache,
            device=device,
            adapters=settings.workspace_dir / adapters.FOLDER,
            compiled=settings.fibo_compile,
            pictures=partial(kept_picture, settings.workspace_dir),
            wish=settings.wish,
        ),
        history=build_history(settings, database),
    )


def build_runtime(settings: Settings) -> Runtime:
    """A studio with its queue running. Raises a StoreError or QueueTaken that says why it cannot."""
    database = build_database(settings)
    try:
        tools = build_tools(settings, database)
        jobs = JobQueue(
            JobStore(database),
            partial(workflows.run, tools),
            lock_file=settings.workspace_dir / "queue.lock",
            max_workers=settings.max_workers,
            timeout_s=settings.job_timeout_s,
        )
        jobs.start()
    except BaseException:
        database.close()
        raise
    desk = Desk(BatchStore(database), jobs, tools, max_queued=settings.max_queued)
    runtime = Runtime(settings, tools, jobs, desk, Inputs(settings.workspace_dir), database)
    runtime.imports.resume()
    return runtime
