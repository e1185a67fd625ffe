"""From a run's settings to its optimizer."""

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.training.objective import Objective
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.updates.adamw import AdamW
from clinicalbert_tf.training.updates.lamb import Lamb
from clinicalbert_tf.training.updates.loss_scaling import DynamicLossScale
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay

# By RunSettings.update_rule.
_RULES = {"reference": AdamWeightDecay, "adamw": AdamW, "lamb": Lamb}


def build_optimizer(settings: RunSettings, model, objective: Objective) -> AdamWeightDecay:
    """Builds the optimizer that the settings ask for; to be called in the strategy's scope.

    Args:
        settings: optimizer, precision, learning rate and its schedule.
        model: what the task built.
        objective: says what is trained.
    """
    layers = model.backbone.num_layers

    def rate_factor(tf1_name: str) -> float:
        return settings.rate_factor(tf1_name, layers)

    # What is frozen has no slots, and no gradient is computed below the first layer that is not.
    variables = [
        (row.tf1_name, row.variable) for row in model_variables(model) if rate_factor(row.tf1_name)
    ]
    schedule = WarmupLinearDecay(
        settings.learning_rate, settings.num_train_steps, settings.num_warmup_steps
    )
    # Of the half precisions only float16 has too few exponents for gradients.
    scaled = settings.precision == "mixed_float16"
    return _RULES[settings.update_rule](
        variables,
        schedule,
        loss_scale=DynamicLossScale() if scaled else None,
        trained=objective.trains,
        rate_factor=rate_factor,
    )
