/** The tools of others, in versions that were seen to read ours: one folder of packages for all tests here. */
import { pythonWithPackages, type Python } from '../support/python.ts'

export const withTools = (): Promise<Python> =>
  pythonWithPackages(
    'optuna==5.0.0',
    'optuna-dashboard==0.21.0',
    'mlflow-skinny==3.17.2',
    'flask==3.1.3',
    'tensorboard==2.21.0',
    'pyarrow==26.0.1',
    'prometheus-client==0.26.0',
  )
