"""The sections of a recipe that say what is trained, on what, and with which batches."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from kernelgym.evaluators.opening import checked_address
from kernelgym.settings import SandboxName
from rewards import DEFAULT_REWARD
from sandboxes.contracts import Outcome, Precision

Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """Keys and values that are all known."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Lora(Section):
    """Trains low-rank additions instead of the weights: optimizer and gradients of these only."""

    rank: Count = 16
    alpha: Positive = 32.0
    dropout: Share = 0.0
    targets: Name | tuple[Name, ...] = "all-linear"
    """Modules that get one; never the head, which TRL's loss computes by itself."""


class Shape(Section):
    """Numbers of a model for the plan, where the model itself is not on this machine."""

    layers: Count
    hidden: Count
    intermediate: Count
    heads: Count
    kv_heads: Count
    head_dim: Count
    vocabulary: Count
    context: Count
    """Most tokens of a row."""
    tied: bool = False
    """Whether the head is the embedding."""
    parameters: Count | None = None
    """None: counted from the others, without norms and biases."""


class ModelSection(Section):
    """What is trained."""

    path: Name
    """A folder, or the name of a model of the Hugging Face hub."""
    revision: Name = "main"
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights that the optimizer changes. In bfloat16 a step below 1/256 of a weight is lost in rounding: at the
    learning rates of reinforcement learning, that is most of them. `trainer.autocast` is what makes it fast."""
    chat_template: Path | None = None
    """A file; None: the tokenizer's own. A cold start needs the one of what follows."""
    end_token: Name | None = None
    """Ends an action; None: the tokenizer's end of sequence. Base models have another one than their chat template."""
    download: bool = False
    """Whether what is missing may be downloaded."""
    lora: Lora | None = None
    shape: Shape | None = None


class Environment(Section):
    """What is played. The chat is always kept whole (`history="full"`): what is trained is one text, and only grows."""

    problems: Name
    """A selection, as in `kernelgym run --problems`."""
    tags: tuple[Name, ...] = ()
    levels: tuple[int, ...] = ()
    difficulties: tuple[Name, ...] = ()
    turns: Annotated[int, Field(ge=1, le=100)] = 3
    target_speedup: Positive | None = None
    """Speedup that ends an episode. None: all turns are played, so that all turns of a group have the same size."""
    submit: bool = False
    """Whether a last line `SUBMIT` ends an episode. Off, as a policy that is paid per turn has no reason to end one."""
    style: Name = "compact"
    feedback_tokens: Count = 1000
    reward: Name = DEFAULT_REWARD
    """A name or a YAML file, as in `kernelgym run --reward`."""
    target: Name | None = None
    """GPU that is compiled for and modelled; None: as the settings say."""
    precision: Precision = Precision.TF32
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Evaluations at a time, per process of the training; None: as the settings say."""
    sandbox: SandboxName | None = None
    evaluator: Annotated[Name, AfterValidator(checked_address)] | None = None
    """Address of what evaluates: `local`, `http://host:port` of a server, `redis://host:port/0` of workers; None: as
    the settings say. Elsewhere than here, `workers` and `sandbox` are those of the others."""
    remember: bool = False
    """Whether the same candidate is evaluated once only: for small models, which say the same again and again. It then
    gets no second chance on other values, either."""


class Rollout(Section):
    """How many episodes make a batch, and how long they may be."""

    prompts: Count
    """Problems of a batch, over all processes."""
    group_size: Annotated[int, Field(ge=2)]
    """Episodes of each: what an episode is compared with are the others of its group."""
    turn_tokens: Count
    """Most tokens of an action."""
    episode_tokens: Count
    """Most tokens of an episode behind its first prompt, the environment's included; `dr_grpo` divides by it."""
    context: Count | None = None
    """Most tokens of a row with its prompt; None: what the model has."""
    least_tokens: Count | None = None
    """Room without which no further action is begun; None: `turn_tokens`, so that all have the same limit."""
    temperature: Positive = 1.0
    batch: Count | None = None
    """Most actions that a process samples together; None: all of its episodes. Smaller ones need less memory."""
    overlap: bool = True
    """Whether some are sampled while others are evaluated."""


class Data(Section):
    """What a cold start learns: turns out of the folders of runs, or of a file that `kernelgym export` made."""

    runs: tuple[Path, ...] = ()
    """Folders of `kernelgym run`."""
    files: tuple[Path, ...] = ()
    """Files of `kernelgym export --format sft` (or `rl`): `.parquet` or `.jsonl`."""
    best: bool = True
    """Only the best turn of each episode of a run."""
    outcomes: tuple[Outcome, ...] = (Outcome.OK,)
    """Only turns that ended so; empty: any."""
    min_reward: float | None = None
    min_speedup: float | None = None
    distinct: bool = True
    """The same candidate to a problem only once."""
    max_per_problem: Count | None = None
    """So that easy problems do not crowd out the others."""
    earlier_turns: bool = False
    """Whether the actions that the chat already holds are learned, too. For files whose rows are whole episodes; of a
    run, each turn is a row of its own."""
    max_tokens: Count
    """Longest row; longer ones are left out, never cut: a kernel that is cut off is a wrong example."""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.runs and not self.files:
            raise ValueError("data names nothing to learn from; give data.runs or data.files")
        return self


class Trainer(Section):
    """Optimizer, batches, and what is kept."""

    output: Path
    """Folder of checkpoints, logs and the model."""
    learning_rate: Positive
    rows_per_device: Count = 1
    """Rows of one forward and backward: what memory has to hold."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: NonNegative = 0.0
    max_grad_norm: Positive = 1.0
    autocast: bool = True
    """Computes in bfloat16, whatever the weights are; off for models so small that it costs more than it saves."""
    gradient_checkpointing: bool = True
    """Computes activations twice to keep one per layer."""
    cpu: bool = False
    """Trains on the CPU even where there is a GPU."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    save_steps: Count = 10
    keep: Count = 3
    """Checkpoints that stay."""
    report_to: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()
    """Beside `metrics.jsonl`, which is always written."""


class RlTrainer(Trainer):
    """What only reinforcement learning has."""

    steps: Count
    """Updates of the weights."""
    updates_per_batch: Count = 1
    """Updates from one batch of episodes. 1 is on-policy: the ratio is 1, and no clipping acts."""
    passes: Count = 1
    """Times that a batch is gone through."""
    log_completions: bool = False
    """Keeps a table of all episodes as Parquet."""


class SftTrainer(Trainer):
    """What only supervised learning has."""

    epochs: Positive
    """Times that each example is learned."""
    batch: Count = 8
    """Rows of an update, over all processes."""
