"""What decides a training run: TRL's arguments of GRPO, with those of turn-level credit beside them."""

from dataclasses import dataclass, field
from typing import Any

from trl.trainer.grpo_config import GRPOConfig

from kernelgym.errors import BadUsage
from policies.advantages import AdvantageOptions, Alone, Ended, Estimator
from policies.mismatch import Level, RejectionBand

_WITHOUT_EFFECT: dict[str, Any] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": None,
    "repetition_penalty": 1.0,
    "generation_kwargs": None,
    "cache_implementation": None,
    "use_transformers_continuous_batching": False,
    "max_tool_calling_iterations": None,
    "reward_weights": None,
}
"""Arguments of TRL's own generation and scoring, and the values that change nothing."""


@dataclass
class TRLOOConfig(GRPOConfig):
    """Arguments of `TRLOOTrainer`; every field of TRL's `GRPOConfig` that is not named here means what it means there.

    `max_completion_length` is the budget of a whole episode: all its actions and the environment's answers between
    them. By default a run is TRLOO on policy, without any correction; what Dr.Kernel's recipe adds to that is
    `rejection="sampling"`.

    Raises:
        BadUsage: A combination that would erase the credit of turns, or an argument that would have no effect.
    """

    max_completion_length: int | None = field(
        default=8192, metadata={"help": "Most tokens of an episode after its prompt: actions and feedback together."}
    )
    max_turn_length: int = field(default=2048, metadata={"help": "Most tokens of one action."})
    min_turn_length: int | None = field(
        default=None,
        metadata={"help": "Room that an action needs to be begun, in tokens; None: `max_turn_length`."},
    )
    sampling_batch_size: int | None = field(
        default=None, metadata={"help": "Most actions that are sampled together; None: all episodes of a process."}
    )
    overlap: bool = field(
        default=True, metadata={"help": "Whether some episodes are sampled while others are evaluated."}
    )
    estimator: str = field(
        default=str(Estimator.TRLOO),
        metadata={"help": "How returns become advantages: " + ", ".join(Estimator) + "."},
    )
    gamma: float = field(default=1.0, metadata={"help": "Discount of later turns' rewards in a turn's return."})
    alone: str = field(
        default=str(Alone.ZERO),
        metadata={
            "help": "Advantage of a turn that nobody else of its group has reached: `zero`, or its `raw` return."
        },
    )
    ended: str = field(
        default=str(Ended.ABSENT),
        metadata={
            "help": "What an episode that has ended is to later turns' baselines: `absent`, or a return of `zero`."
        },
    )
    ebpo_prior: str = field(
        default="batch",
        metadata={"help": "What estimator `ebpo` shrinks to: the `batch`'s other groups, or the `history` of batches."},
    )
    importance_sampling_level: str = field(
        default="token",
        metadata={
            "help": "Whether the ratio of policies is one per `token`, or per `turn`: the geometric mean over its "
            "tokens, as GSPO's over a sequence (arXiv 2507.18071)."
        },
    )
    rejection: str = field(
        default="off",
        metadata={
            "help": "Drops what another policy might have written: `sampling` compares the policy with the sampler's "
            "log-probabilities, `stale` with its own from before the batch's first update, `both` with each; or `off`."
        },
    )
    rejection_lower: float = field(
        default=0.999, metadata={"help": "Smallest geometric mean of token ratios that is kept."}
    )
    rejection_upper: float = field(
        default=1.001, metadata={"help": "Largest geometric mean of token ratios that is kept."}
    )
    rejection_veto: float | None = field(
        default=1e-4, metadata={"help": "A token with a smaller ratio drops all it belongs to; None: off."}
    )
    rejection_level: str = field(
        default="episode", metadata={"help": "What is kept or dropped as a whole: `episode` or `turn`."}
    )
    sampling_weights: str = field(
        default="off",
        metadata={
            "help": "Weighs the loss by the ratio of the policy to the sampler, truncated: per `token`, `turn` or "
            "`episode`; or `off`."
        },
    )
    sampling_weights_max: float = field(default=2.0, metadata={"help": "Largest of these weights, at least 1."})
    sampling_weights_min: float | None = field(
        default=None, metadata={"help": "Smallest of these weights, at most 1; None: no bound."}
    )
    disable_dropout: bool = field(
        default=True,
        metadata={
            "help": "Trains the policy that has sampled. With dropout, log-probabilities are those of another one, and "
            "`rejection` drops nearly everything."
        },
    )
    scale_rewards: str = field(
        default="none", metadata={"help": "Stays `none`: the estimator says what divides an advantage."}
    )
    vllm_importance_sampling_correction: bool = field(
        default=False, metadata={"help": "Stays False: `sampling_weights` does it, for vLLM and every other sampler."}
    )

    def __post_init__(self) -> None:
        """Checks what can be checked without a model."""
        super().__post_init__()  # type: ignore[no-untyped-call]
        self._refuse_what_erases_credit()
        changed = [name for name, neutral in _WITHOUT_EFFECT.items() if getattr(self, name) != neutral]
        if changed:
            raise BadUsage(
                f"{', '.join(changed)} would have no effect: episodes are played by the environment's sampler, from "
                "the policy's whole distribution; leave them at their defaults"
            )
        _one_of("ebpo_prior", self.ebpo_prior, ("batch", "history"))
        _one_of("rejection", self.rejection, ("off", "sampling", "stale", "both"))
        _one_of("sampling_weights", self.sampling_weights, ("off", "token", "turn", "episode"))
        _ = self.advantage_options, self.rejection_band
        if not self.sampling_weights_max >= 1.0 >= (self.sampling_weights_min or 0.0) >= 0.0:
            raise BadUsage(
                f"sampling_weights are bounded by {self.sampling_weights_min} and {self.sampling_weights_max}; give "
                "bounds with 1 between them"
            )

    @property
    def advantage_options(self) -> AdvantageOptions:
        """The estimator's."""
        return AdvantageOptions(
            estimator=Estimator(_one_of("estimator", self.estimator, tuple(Estimator))),
            gamma=self.gamma,
            alone=Alone(_one_of("alone", self.alone, tuple(Alone))),
            ended=Ended(_one_of("ended", self.ended, tuple(Ended))),
        )

    @property
    def rejection_band(self) -> RejectionBand:
        """What is kept where `rejection` is on."""
        return RejectionBand(
            lower=self.rejection_lower,
            upper=self.rejection_upper,
            veto=self.rejection_veto,
            level=Level(_one_of("rejection_level", self.rejection_level, ("episode", "turn"))),
        )

    def _refuse_what_erases_credit(self) -> None:
        if self.importance_sampling_level == "sequence":
            raise BadUsage(
                "importance_sampling_level is `sequence`: one ratio for a whole episode has the gradient in which all "
                "its turns have the same advantage, so that the credit of turns is lost; use `turn`, which is the same "
                "idea for each turn, or `token`"
            )
        _one_of("importance_sampling_level", self.importance_sampling_level, ("token", "turn"))
        if self.scale_rewards != "none":
            raise BadUsage(
                f"scale_rewards is `{self.scale_rewards}`, which scales what is one number per episode; use "
                "estimator `turn_grpo_std` (per turn) or `grpo_std` (per episode)"
            )
        if self.multi_objective_aggregation != "sum_then_normalize":
            raise BadUsage(
                f"multi_objective_aggregation is `{self.multi_objective_aggregation}`, but there is one reward per "
                "turn, the environment's; compose it there"
            )
        if self.remove_unused_columns:
            raise BadUsage("remove_unused_columns takes away which problem a row is for; leave it off")
        if self.mask_truncated_completions:
            raise BadUsage(
                "mask_truncated_completions judges an episode by its last token and drops all its turns; leave it off: "
                "what was cut off is masked turn by turn, by the conditional truncation of the collection's options"
            )
        if self.vllm_importance_sampling_correction:
            raise BadUsage(
                "vllm_importance_sampling_correction would multiply TRL's weights with those of `sampling_weights`, "
                "and by default per sequence, a product over all turns; use sampling_weights `token` instead"
            )
        highest = self.epsilon if self.epsilon_high is None else self.epsilon_high
        if self.loss_type == "cispo" and highest < 1.0:
            raise BadUsage(
                f"loss_type cispo bounds the ratio itself by epsilon_high, and {highest} is below the 1 of a policy "
                "not changed yet: every token would count that much, whatever its ratio; give 1 or more, e.g. 5"
            )
        if self.loss_type == "vespo" and self.sampling_weights in ("turn", "episode"):
            raise BadUsage(
                f"loss_type vespo multiplies the weights of all tokens, which sampling_weights "
                f"`{self.sampling_weights}` would count more than once; use `token`"
            )
        if self.loss_type == "vespo" and self.importance_sampling_level == "turn":
            raise BadUsage(
                "loss_type vespo weighs whole episodes by a ratio of its own; use importance_sampling_level `token`"
            )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise BadUsage(f"{name} is `{value}`; there are: {', '.join(known)}")
    return value
