from airflow.operators.empty import EmptyOperator


class StepOperator(EmptyOperator):
    pass
