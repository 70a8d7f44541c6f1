# an empty airflow dag file
