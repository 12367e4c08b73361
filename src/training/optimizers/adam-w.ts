/** AdamW (Loshchilov & Hutter, 2019), to PyTorch's formula. */
import { type AdamOptions, adamSettings, momentSlots, moveByMoments } from './adam.ts';
import { type Optimizer, startRule } from './optimizer.ts';

/** Options of {@link adamW}; `weightDecay` is decoupled and defaults to 0.01. */
export type AdamWOptions = AdamOptions;

/**
 * Adam with decoupled weight decay as `torch.optim.AdamW`: the weights first shrink by the factor 1 - lr · weightDecay,
 * then move as in {@link adam}. Rows of a table that were not read decay too.
 */
export function adamW(options: AdamWOptions = {}): Optimizer {
  const settings = adamSettings('adamW', options, 0.01);
  return {
    name: 'adamW',
    options: settings,
    start: (parameters) =>
      startRule(
        'adamW',
        {
          learningRate: settings.learningRate,
          slots: momentSlots(settings),
          dense: (gradient, update) =>
            moveByMoments(gradient, update, settings, {
              l2: 0,
              shrink: 1 - update.learningRate * settings.weightDecay,
            }),
        },
        parameters,
      ),
  };
}
