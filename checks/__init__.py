"""What must hold: Pandera schemas and the checks made of them. Changes no data and imports no asset."""
