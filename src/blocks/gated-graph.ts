/** The gated graph network of SR-GNN. */
import * as tf from '@tensorflow/tfjs-core';
import { fanInUniform, zeros } from '../core/initializers.ts';
import { Module } from '../core/module.ts';
import { type Initializer, Parameter, tensorOf } from '../core/parameter.ts';
import { checkNumber, checkOneOf, refuseOthers } from '../core/shape.ts';
import { gruCell } from '../ops/gru-cell.ts';
import { linear } from '../ops/linear.ts';
import { type Edges, neighborSums } from '../ops/neighbor-sums.ts';
import { Linear } from './linear.ts';

export interface GatedGraphOptions {
  /** Width of a node. */
  dim: number;
  /** Rounds of messages; all share their weights. @defaultValue 1 */
  steps?: number | undefined;
  /** Lists of edges: two are incoming and outgoing ones. @defaultValue 2 */
  relations?: number | undefined;
  /** Whether a node is mapped before it is sent along the edges of a relation, and what arrives has a bias. @defaultValue true */
  mapped?: boolean | undefined;
  /** Whether the reset gate scales the product or the state before it is multiplied, see `gru`. @defaultValue 'after' */
  reset?: 'after' | 'before' | undefined;
  /** Initial weights and biases. @defaultValue fanInUniform, biases 0 */
  init?: Initializer | undefined;
}

/**
 * Every node sums what its neighbours send along each relation, and a gated recurrent unit makes its next state of the
 * sums (Li et al., ICLR 2016; Wu et al., AAAI 2019, equations 1 to 5):
 *
 * m = [Aᵢₙ(h Wᵢₙᵀ + bᵢₙ) + cᵢₙ ; Aₒᵤₜ(h Wₒᵤₜᵀ + bₒᵤₜ) + cₒᵤₜ] and h becomes GRU(m, h)
 *
 * The matrices A are lists of edges, so that the work grows with nodes and edges; the nodes of all sessions are rows of one
 * tensor. As the authors' code (CRIPAC-DIG/SR-GNN) h becomes (1 - z) n + z h, where the paper and RecBole have it the other
 * way round: the same with the rows of z negated.
 */
export class GatedGraph extends Module {
  /** Of what is sent, one map a relation. */
  readonly edges: Linear[];
  /** Added to what is received, one bias a relation. */
  readonly received: Parameter[];
  readonly input: Linear;
  readonly state: Linear;
  readonly steps: number;
  readonly relations: number;
  readonly reset: 'after' | 'before';

  constructor(options: GatedGraphOptions) {
    super();
    const { dim, steps = 1, relations = 2, mapped = true, reset = 'after', init, ...others } = options;
    refuseOthers('GatedGraph', others, options);
    this.steps = checkNumber('steps', steps, { min: 1, integer: true });
    this.relations = checkNumber('relations', relations, { min: 1, integer: true });
    const linear = { init: init ?? fanInUniform, biasInit: init };
    const each = <T>(make: () => T) => Array.from({ length: mapped ? relations : 0 }, make);
    this.edges = each(() => new Linear(dim, dim, linear));
    this.received = each(() => new Parameter([dim], init ?? zeros));
    this.input = new Linear(relations * dim, 3 * dim, linear);
    this.state = new Linear(dim, 3 * dim, linear);
    this.reset = checkOneOf('reset', reset, ['after', 'before']);
  }

  /**
   * @param nodes `[N, dim]`
   * @param edges one list a relation, between rows of `nodes`
   * @returns `[N, dim]`
   */
  forward(nodes: tf.Tensor2D, edges: readonly Edges[]): tf.Tensor2D {
    if (edges.length !== this.relations) {
      throw new RangeError(`This GatedGraph takes ${this.relations} lists of edges, got ${edges.length}.`);
    }
    const sent = this.#joined(this.edges.map(({ weight }) => weight)) as tf.Tensor2D | undefined;
    const [shift, received] = [
      this.#joined(this.edges.map(({ bias }) => bias as Parameter)),
      this.#joined(this.received),
    ];
    let states = nodes;
    for (let step = 0; step < this.steps; step++) {
      const sums = neighborSums(sent ? linear(states, sent, shift) : tf.tile(states, [1, this.relations]), edges);
      const input = this.input.forward(received ? tf.add(sums, received) : sums);
      states = gruCell(input, states, this.state.weight, { bias: this.state.bias, reset: this.reset });
    }
    return states;
  }

  /** The parameters of all relations, one below the other, so that one product serves all. */
  #joined(parameters: readonly Parameter[]): tf.Tensor | undefined {
    const tensors = parameters.map((parameter) => tensorOf<tf.Tensor>(parameter));
    return tensors.length > 1 ? tf.concat(tensors) : tensors[0];
  }
}
